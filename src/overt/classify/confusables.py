"""Letters that look like Latin ones: a small table of our own, after the idea of Unicode Technical Standard 39.

`LATIN_LOOKALIKES` holds letters of other scripts; they are folded only inside words that also have Latin letters, so
that no word of a living language is touched. `ALWAYS_LATIN` holds Latin letters in disguise (small capitals, phonetic
forms, squared and circled capitals that NFKC leaves alone).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_CYRILLIC: Final = dict(
    zip("аАВсСԁеЕҽɡԍһНіІїјЈкКԛМոоОрРѕЅТуУүѵԝхХЗбгьп", "aABcCdeEegGhHiIijJkKqMnoOpPsSTyYyvwxX3brbn", strict=True)
)
_GREEK: Final = dict(zip("αΑΒεΕΖηΗιΙκΚΜνΝοΟρΡτΤυΥχΧγω", "aABeEZnHiIkKMvNoOpPtTuYxXyw", strict=True))
_ARMENIAN: Final = dict(zip("օսհոցզտքՍՕՏԼ", "ouhngqnfUOSL", strict=True))
_CHEROKEE: Final = dict(zip("ᎪᎬᎡᎢᎫᎻᏂᏃᏢᏚᎷᏙᎳᎥᏟᏞᎠᏴᏏᎮ", "AEREJMhZPSMVWiCLDBbP", strict=True))
_SMALL_CAPITALS: Final = dict(zip("ᴀʙᴄᴅᴇғɢʜɪᴊᴋʟᴍɴᴏᴘǫʀᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrtuvwyz", strict=True))
_PHONETIC: Final = dict(zip("ɑɩıɡɾʋɛɔɯɐǝʇʌʍ", "aiigrueomaetvw", strict=True))
_BOXED: Final = {chr(first + step): chr(ord("a") + step) for first in (0x1F130, 0x1F150, 0x1F170) for step in range(26)}

LATIN_LOOKALIKES: Final[Mapping[str, str]] = MappingProxyType(_CYRILLIC | _GREEK | _ARMENIAN | _CHEROKEE)
ALWAYS_LATIN: Final[Mapping[str, str]] = MappingProxyType(_SMALL_CAPITALS | _PHONETIC | _BOXED)
