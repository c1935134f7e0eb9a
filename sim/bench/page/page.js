/* SPDX-License-Identifier: MIT */
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  /* --- commands to copy --- */

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

  /* --- cells that tell their figures: by pointing, by tapping, and with the arrow keys --- */

  var arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function centre(cell) {
    var box = cell.getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  }

  /* The nearest one in the direction of the arrow; what lies aside counts more. */
  function neighbour(cells, from, way) {
    var best = null, least = Infinity, here = centre(from);
    cells.forEach(function (cell) {
      var there = centre(cell), x = there[0] - here[0], y = there[1] - here[1];
      var along = x * way[0] + y * way[1], aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
      if (along > 1 && along + 4 * aside < least) {
        least = along + 4 * aside;
        best = cell;
      }
    });
    return best;
  }

  document.querySelectorAll("section.cells").forEach(function (section) {
    var cells = Array.prototype.slice.call(section.querySelectorAll("[tabindex]"));
    var detail = section.querySelector(".detail");
    if (cells.length > 0)
      cells[0].tabIndex = 0;

    function tell(event) {
      var cell = event.target.closest("[tabindex]");
      if (cell !== null && section.contains(cell))
        detail.textContent = cell.title;
    }
    section.addEventListener("mouseover", tell);
    section.addEventListener("focusin", tell);
    section.addEventListener("click", tell);
    section.addEventListener("keydown", function (event) {
      var next = arrows[event.key] && cells.indexOf(event.target) >= 0 && neighbour(cells, event.target, arrows[event.key]);
      if (!next)
        return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });

  /* --- what each sector held at a moment --- */

  var object = document.getElementById("history"), slider = document.getElementById("moment");
  if (object === null || slider === null)
    return;
  var history = JSON.parse(object.textContent), timeline = slider.parentNode, said = timeline.querySelector("output");
  var tracks = timeline.querySelectorAll(".track.sector"), phases = timeline.querySelectorAll(".phases span");
  var column = {};
  history.columns.forEach(function (name, index) { column[name] = index; });

  function size(bytes) {
    return bytes < 1024 ? bytes + " B" : Math.round(bytes / 102.4) / 10 + " KB";
  }

  function heldBy(row, moment) {
    var erases = 0, last = null;
    row.at.forEach(function (entry) {
      if (entry[column.moment] > moment)
        return;
      erases += entry[column.erases];
      last = entry;
    });
    if (last === null)
      return "as provisioned";
    if (last[column.moment] === moment && last[column.erasing] > 0 && last[column.held] === 0)
      return "being erased";
    if (last[column.held] === 0)
      return "erased";
    return size(last[column.held]) + (erases > 0 ? " written" : " added");
  }

  function phaseAt(place) {
    var name = "";
    phases.forEach(function (phase) {
      if (Number(phase.dataset.from) <= place)
        name = phase.dataset.name;
    });
    return name;
  }

  /* What happened in all rows in that moment. */
  function count(moment, name) {
    return history.rows.reduce(function (sum, row) {
      return sum + row.at.reduce(function (all, entry) { return entry[column.moment] === moment ? all + entry[column[name]] : all; }, 0);
    }, 0);
  }

  function words(moment) {
    var text = "";
    [["programs", "programs"], ["erases", "erases begun"], ["cuts", "power losses"], ["findings", "not recovered"]].forEach(function (each) {
      var sum = count(moment, each[0]);
      if (sum > 0)
        text += ", " + sum.toLocaleString("en") + " " + each[1];
    });
    return text;
  }

  function show() {
    var place = Number(slider.value), most = Number(slider.max);
    var moment = Math.min(history.moments - 1, Math.floor(place * history.moments / most));
    var text = (history.end_ns * 1e-9 * place / most).toFixed(3) + " s, " + phaseAt(place);
    timeline.classList.add("at");
    timeline.style.setProperty("--at", place / most);
    tracks.forEach(function (track, index) { track.previousElementSibling.textContent = heldBy(history.rows[index], moment); });
    said.textContent = text + words(moment);
    slider.setAttribute("aria-valuetext", text);
  }

  function point(event) {
    var track = event.target.closest(".track");
    if (track === null)
      return;
    var box = track.getBoundingClientRect();
    slider.value = Math.round((event.clientX - box.left) / box.width * Number(slider.max));
    show();
  }

  slider.addEventListener("input", show);
  timeline.addEventListener("pointermove", point);
  timeline.addEventListener("pointerdown", point);
}());
