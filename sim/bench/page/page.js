/* SPDX-License-Identifier: MIT */
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  function copied(button) {
    var text = button.textContent;
    button.textContent = "copied";
    setTimeout(function () { button.textContent = text; }, 1200);
  }

  /* For browsers that keep the clipboard from pages in files. */
  function copyBySelection(text) {
    var area = document.createElement("textarea");
    area.value = text;
    document.body.appendChild(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  /* The command stands before the button, or is made of its list's head and tail around the id. */
  function commandOf(button) {
    var list = button.closest(".ids");
    var code = button.parentNode.querySelector("code").textContent;
    return list === null ? code : list.dataset.head + code + list.dataset.tail;
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (button === null)
      return;
    var text = commandOf(button);
    if (navigator.clipboard)
      navigator.clipboard.writeText(text).then(function () { copied(button); },
                                               function () { copyBySelection(text); copied(button); });
    else {
      copyBySelection(text);
      copied(button);
    }
  });

  var detail = document.getElementById("detail");
  function tell(event) {
    var sector = event.target.closest && event.target.closest(".s[tabindex]");
    if (sector && detail)
      detail.textContent = sector.getAttribute("title");
  }
  document.addEventListener("mouseover", tell);
  document.addEventListener("focusin", tell);
}());
