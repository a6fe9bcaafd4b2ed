"""What a member should do next for a deal, and why (spec P1, P2). Pure: facts in, a suggestion made of facts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cti_server.phases.model import Action, ActionKind, Answer, Deal, InputItem, Phase
from cti_server.phases.usage import Prompt

Reason = Literal["call missed", "usage", "items", "complete", "nothing asked"]
"""``call missed``: the customer called and nobody answered; ``usage``: their use of the service prompts it; ``items``:
required items are still to be filled in; ``complete``: all are, so that the next phase can begin; ``nothing asked``:
the phase asks for nothing."""
NAMED: Final = 3
"""How many of the missing items a reason names."""


@dataclass(frozen=True, slots=True)
class Completion:
    """How far a phase is filled in. Optional items don't count."""

    required: int
    filled: int
    missing: tuple[InputItem, ...]
    complete_at: int = 100
    """Per cent."""

    @property
    def share(self) -> int:
        """Per cent of the required items, rounded down; 100 where none is required."""
        return 100 * self.filled // self.required if self.required else 100

    @property
    def complete(self) -> bool:
        """Whether the next phase can begin."""
        return self.share >= self.complete_at


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An action, and the facts that it was suggested for."""

    action: ActionKind
    reason: Reason
    missing: tuple[InputItem, ...] = ()
    missed_at: float | None = None
    """When the customer called in vain."""
    missed_call: str = ""
    last: Action | None = None
    """What was done last."""
    new: bool = False
    """Whether nothing was done yet since the deal came to its phase."""
    prompt: Prompt | None = None
    """What their use of the service prompts."""
    learned: bool = False
    """Whether the action is offered first because the best members complete the phase with it."""


def completion(phase: Phase, size: str, answers: Mapping[int, Answer], complete_at: int = 100) -> Completion:
    """How far a deal's phase is filled in."""
    required = [item for item in phase.items if item.required and item.concerns(size)]
    missing = tuple(item for item in required if item.id not in answers or not answers[item.id].value.strip())
    return Completion(len(required), len(required) - len(missing), missing, complete_at)


def suggestion(
    deal: Deal, phase: Phase, done: Completion, actions: Sequence[Action], prompted: Sequence[Prompt] = ()
) -> Suggestion:
    """What to do next. ``actions``: the deal's, newest first; ``prompted``: what their use of the service prompts and
    nothing was done about, the most urgent first."""
    last = actions[0] if actions else None
    new = last is None or last.at < deal.entered_at
    missed = _missed(actions)
    if missed is not None:
        return Suggestion("call", "call missed", done.missing, missed.at, missed.call, last, new)
    if prompted:
        return Suggestion(phase.action, "usage", done.missing, last=last, new=new, prompt=prompted[0])
    why: Reason = "items"
    if done.complete:
        why = "complete" if done.required else "nothing asked"
    return Suggestion(phase.action, why, done.missing, last=last, new=new, learned=phase.learned)


def _missed(actions: Sequence[Action]) -> Action | None:
    """The customer's call that nobody answered, where nothing was done since."""
    for action in actions:
        if action.incoming and action.answered is False:
            return action
        if not action.incoming or action.answered:
            return None
    return None
