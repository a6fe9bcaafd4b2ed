"""The desk's repositories on a unit of work (``cti_server.calls.ports.UnitOfWork``)."""

from __future__ import annotations

from functools import cached_property

from cti_adapters.storage.compliance_shelf import StandingShelf
from cti_adapters.storage.deal_import_rows import DealImportRows
from cti_adapters.storage.desk_calls import CallRepository
from cti_adapters.storage.desk_customers import CustomerRepository
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_records import RecordRepository
from cti_adapters.storage.desk_tracing import TracingRepository
from cti_adapters.storage.desk_work import WorkRepository
from cti_adapters.storage.erasing_shelf import ErasureRows
from cti_adapters.storage.exchange_shelf import ExchangeShelf
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.phase_deals import DealShelf
from cti_adapters.storage.phase_learning import LearningRows
from cti_adapters.storage.phase_set_up import PhaseSetUp
from cti_adapters.storage.phase_trials import TrialRows
from cti_adapters.storage.phase_work import DealWorkShelf
from cti_adapters.storage.play_shelf import PlayShelf
from cti_adapters.storage.profile_shelf import ProfileShelf
from cti_adapters.storage.questionnaire_shelf import QuestionnaireShelf
from cti_adapters.storage.refold_shelf import RefoldShelf
from cti_adapters.storage.request_shelf import RequestShelf
from cti_adapters.storage.review_shelf import ClaimShelf
from cti_adapters.storage.rules_shelf import ExemptionShelf, PolicyShelf, ViewShelf
from cti_adapters.storage.telephones import TelephoneShelf
from cti_adapters.storage.trail_shelf import TrailRows
from cti_adapters.storage.usage_shelf import UsageRows
from cti_server.review.policy import ReviewPolicy


class DeskRepositories:
    """What the desk reads and writes, over one session; each is made when it is first asked for."""

    session: GatedSession
    policy: ReviewPolicy

    @cached_property
    def calls(self) -> CallRepository:
        """The calls."""
        return CallRepository(self.session)

    @cached_property
    def work(self) -> WorkRepository:
        """What is to be done."""
        return WorkRepository(self.session, self.firm)

    @cached_property
    def customers(self) -> CustomerRepository:
        """The customers."""
        return CustomerRepository(self.session, self.work)

    @cached_property
    def records(self) -> RecordRepository:
        """What was done."""
        return RecordRepository(self.session, self.policy)

    @cached_property
    def shelf(self) -> ExchangeShelf:
        """What the exchanges are set to."""
        return ExchangeShelf(self.session)

    @cached_property
    def telephones(self) -> TelephoneShelf:
        """Whose the extensions are, and who sits there."""
        return TelephoneShelf(self.session)

    @cached_property
    def profiles(self) -> ProfileShelf:
        """The profiles that were saved."""
        return ProfileShelf(self.session)

    @cached_property
    def refoldings(self) -> RefoldShelf:
        """The foldings that pages asked for."""
        return RefoldShelf(self.session)

    @cached_property
    def claims(self) -> ClaimShelf:
        """Records that claim a call which no exchange saw."""
        return ClaimShelf(self.session, self.firm)

    @cached_property
    def requests(self) -> RequestShelf:
        """Contact records that reviewers asked for."""
        return RequestShelf(self.session, self.firm)

    @cached_property
    def set_up(self) -> PhaseSetUp:
        """Services with their phases, and members."""
        return PhaseSetUp(self.session, self.firm)

    @cached_property
    def deals(self) -> DealShelf:
        """Customers on their way through phases."""
        return DealShelf(self.session, self.firm, self.set_up)

    @cached_property
    def deal_imports(self) -> DealImportRows:
        """Deals that come from a file."""
        return DealImportRows(self.session, self.firm, self.set_up)

    @cached_property
    def done(self) -> DealWorkShelf:
        """What is done for deals."""
        return DealWorkShelf(self.session, self.firm)

    @cached_property
    def questionnaires(self) -> QuestionnaireShelf:
        """Links for customers, and what they answered."""
        return QuestionnaireShelf(self.session)

    @cached_property
    def learning(self) -> LearningRows:
        """Proposals to change phases."""
        return LearningRows(self.session, self.deals)

    @cached_property
    def trials(self) -> TrialRows:
        """Trials of required items."""
        return TrialRows(self.session, self.deals)

    @cached_property
    def erasures(self) -> ErasureRows:
        """Who is to be erased, and legal holds."""
        return ErasureRows(self.session, self.firm)

    @cached_property
    def trail_pages(self) -> TrailRows:
        """The audit trail."""
        return TrailRows(self.session, self.firm)

    @cached_property
    def usage(self) -> UsageRows:
        """Customers' use of services."""
        return UsageRows(self.session, self.deals)

    @cached_property
    def standings(self) -> StandingShelf:
        """How calls stand."""
        return StandingShelf(self.session, self.firm)

    @cached_property
    def policies(self) -> PolicyShelf:
        """The rules of compliance."""
        return PolicyShelf(self.session, self.firm)

    @cached_property
    def exemptions(self) -> ExemptionShelf:
        """Calls that need no record."""
        return ExemptionShelf(self.session, self.firm)

    @cached_property
    def saved_views(self) -> ViewShelf:
        """Filters of the coverage page."""
        return ViewShelf(self.session, self.firm)

    @cached_property
    def plays(self) -> PlayShelf:
        """What is asked of simulated exchanges."""
        return PlayShelf(self.session)

    @cached_property
    def firm(self) -> FirmRepository:
        """Ourselves."""
        return FirmRepository(self.session)

    @cached_property
    def tracing(self) -> TracingRepository:
        """The way from the bytes to the screens."""
        return TracingRepository(self.session)
