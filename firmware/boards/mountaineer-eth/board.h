/* SPDX-License-Identifier: MIT
 *
 * The Mountaineer Ethernet mainboard.
 */
#ifndef BOARD_H
#define BOARD_H

#include "../mountaineer.h"

#define BOARD_NAME "mountaineer-eth" /* its id and regions: mh_boards */

#endif
