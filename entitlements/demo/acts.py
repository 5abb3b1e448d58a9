"""What people of the demo company do, each act at its moment; the lives are made of these."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from entitlements.assignments.models import Assignment
from entitlements.delivery import operations as delivery
from entitlements.demo.calendar import Calendar
from entitlements.demo.company import Company
from entitlements.demo.questions import answers_to
from entitlements.directory.models import User
from entitlements.requests import deciding, operations
from entitlements.requests.models import AccessRequest

Act = Generator[datetime, None, AccessRequest]


@dataclass(frozen=True)
class Stage:
    """The company and the calendar, on which all lives take place."""

    company: Company
    calendar: Calendar

    def person(self, key: str) -> User:
        return self.company.users[key]

    def when(self, days_ago: float, hour: int = 9, minute: int = 0) -> datetime:
        return self.calendar.when(days_ago, hour, minute)

    def asks(
        self,
        who: User | str,
        package: str,
        moment: datetime,
        why: str = "",
        *,
        way: int = 0,
        target: User | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Act:
        """Let somebody ask for a package, perhaps for `target`; `way` counts its policies."""
        yield moment
        policy = self.company.way(package, way)
        return operations.submit(
            policy,
            by=self._user(who),
            target=target,
            answers=answers_to(policy),
            justification=why,
            starts_at=starts_at,
            ends_at=ends_at,
        )

    def approves(
        self,
        who: User | str,
        access_request: AccessRequest,
        moment: datetime,
        why: str = "",
        *,
        ends_at: datetime | None = None,
    ) -> Act:
        yield moment
        return deciding.approve(
            access_request, by=self._user(who), justification=why, ends_at=ends_at
        )

    def denies(
        self, who: User | str, access_request: AccessRequest, moment: datetime, why: str
    ) -> Act:
        yield moment
        return deciding.deny_request(access_request, by=self._user(who), justification=why)

    def gives(
        self, who: User | str, package: str, to: User | str, moment: datetime, *, way: int = 0
    ) -> Act:
        """Let somebody give a package directly."""
        yield moment
        policy = self.company.way(package, way)
        return operations.assign(
            policy, self._user(to), by=self._user(who), answers=answers_to(policy)
        )

    def withdraws(self, who: User, access_request: AccessRequest, moment: datetime) -> Act:
        """Let somebody call his own request off."""
        yield moment
        return operations.cancel(access_request, by=who)

    def extends(self, who: str, access_request: AccessRequest, moment: datetime, why: str) -> Act:
        yield moment
        return operations.extend(held(access_request), by=self.person(who), justification=why)

    def gives_back(self, who: str, access_request: AccessRequest, moment: datetime) -> Act:
        yield moment
        return operations.give_back(held(access_request), by=self.person(who))

    def cancels(
        self, who: str, access_request: AccessRequest, moment: datetime, why: str = ""
    ) -> Act:
        yield moment
        return operations.cancel(access_request, by=self.person(who), justification=why)

    def removes(self, who: str, access_request: AccessRequest, moment: datetime, why: str) -> Act:
        yield moment
        return operations.remove(held(access_request), by=self.person(who), justification=why)

    def asks_again(self, who: str, access_request: AccessRequest, moment: datetime) -> Act:
        yield moment
        access_request.refresh_from_db()
        return operations.resubmit(access_request, by=self.person(who))

    def tries_again(self, who: str, access_request: AccessRequest, moment: datetime) -> Act:
        yield moment
        return delivery.reprocess(access_request, by=self.person(who))

    def _user(self, who: User | str) -> User:
        return self.person(who) if isinstance(who, str) else who


def held(access_request: AccessRequest) -> Assignment:
    """Return the access that a request led to, as it is now."""
    return Assignment.objects.get(requests=access_request.pk)
