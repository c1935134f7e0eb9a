/* SPDX-License-Identifier: MIT
 *
 * The package that Demo carries, the last thing in its image. RESOURCE is the file.
 */
    .section .resource, "a"
    .balign 4
    .global mh_resource
mh_resource:
    .ascii "MRES"
    .word package_end - package
package:
    .incbin RESOURCE
package_end:
