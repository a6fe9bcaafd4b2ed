"""x."""

from tests.realpbx.scene import Play

ALL: dict[str, Play] = {}
