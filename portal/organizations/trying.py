"""May somebody with this address ask for this package: every reason, whether he is known or not."""

from dataclasses import dataclass

from entitlements.catalog.models import AccessPackage
from entitlements.directory.models import User
from entitlements.directory.organizations.guests import newcomer, organization_at
from entitlements.directory.organizations.terms import domain_of
from portal.manage.simulated import Outlook, outlooks, verdict


@dataclass(frozen=True)
class Trial:
    """What would become of somebody's request, and who he is taken for."""

    package: AccessPackage
    person: User
    is_known: bool
    outlooks: list[Outlook]

    @property
    def verdict(self) -> str:
        return verdict(self.outlooks)

    @property
    def who(self) -> list[str]:
        """Say who is meant by the address, and what follows from it."""
        person, domain = self.person, domain_of(self.person.email)
        if not self.is_known:
            return [
                "Nobody with this address has an account. Below is what would hold for a guest "
                "with it; until there is one, the package can only be given directly.",
                self._belonging(f"No connected organization has the domain {domain}."),
            ]
        if not person.is_guest:
            return [f"{person} is a member of ours, for whom policies for people inside count."]
        state = [] if person.is_active else [f"The account of {person} is disabled."]
        return [*state, self._belonging(f"{person} is a guest who belongs to no organization.")]

    def _belonging(self, otherwise: str) -> str:
        organization = self.person.organization
        if organization is None:
            return f"{otherwise} Only policies for anybody from outside, or for everyone, count."
        if organization.is_configured:
            return f"The address is of {organization}, which is configured."
        return (
            f"The address is of {organization}, which is only proposed: policies for all "
            "configured organizations do not count."
        )


def try_out(address: str, package: AccessPackage) -> Trial:
    """Return what would become of a request by whoever has an address."""
    known: User | None = User.objects.filter(email__iexact=address, is_invited=False).first()
    person = known or _as_guest(address)
    return Trial(package, person, known is not None, outlooks(package, person))


def _as_guest(address: str) -> User:
    """Return, not saved, the guest whom an address would become."""
    person = newcomer(address)
    person.is_invited, person.is_active = False, True
    person.organization = organization_at(address)
    return person
