/* SPDX-License-Identifier: MIT
 *
 * The Mountaineer USB mainboard.
 */
#ifndef BOARD_H
#define BOARD_H

#include "../mountaineer.h"

#define BOARD_NAME "mountaineer-usb" /* its id and regions: mh_boards */

#endif
