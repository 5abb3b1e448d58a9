"""What people do on the portal's pages, step by step, each in a browser window of his own."""

import re
from datetime import date

import ldap3
from playwright.sync_api import expect

FOCUSED = """() => {
  const focused = document.activeElement;
  const label = focused.labels?.[0] ?? focused;
  return (focused.ariaLabel ?? label.innerText).replace(/[*\\s]+/g, " ").trim();
}"""


class Window:
    """A browser window in which somebody has signed in."""

    def __init__(self, page, user):
        self.page = page
        self.user = user

    def tabs_to(self, name):
        """Press Tab until the focus is on what is called so."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"Tab never reaches “{name}”")

    # Asking

    def finds(self, words, package):
        """Search from the home page and open the package that was found."""
        self.page.goto("/")
        self.page.get_by_label("What do you need?").fill(words)
        self.page.get_by_role("button", name="Find access").click()
        self.page.get_by_role("heading", name=package.name, exact=True).get_by_role("link").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(package.name)

    def asks(self, package, why=""):
        """Send the form on the package's page; return the address of the request's own page."""
        self.page.goto(f"/packages/{package.pk}/")
        if why:
            self.page.get_by_label("Why do you need it?").fill(why)
        self.page.get_by_role("button", name="Send request").click()
        expect(self.page).to_have_url(re.compile("/requests/"))
        return self.page.url

    def reads(self, address):
        self.page.goto(address)
        return self

    @property
    def standing(self):
        """The box that says where a request or an access stands."""
        return self.page.get_by_label("Where it stands")

    @property
    def roles(self):
        return self.page.get_by_role("region", name="Roles")

    @property
    def story(self):
        return self.page.get_by_role("region", name="What happened")

    def role(self, resource):
        """The line of one role, by the name of what it opens."""
        return self.roles.get_by_role("listitem").filter(has_text=resource)

    # Holding

    def active(self):
        """The names of the packages on the Active tab, now."""
        self.page.goto("/access/")
        expect(self.page.get_by_role("heading", level=1)).to_have_text("My access")
        return self.page.get_by_role("article").get_by_role("heading").all_inner_texts()

    def expired(self, package):
        """The line of a package on the Expired tab."""
        self.page.goto("/access/expired/")
        return self.page.get_by_role("main").get_by_role("listitem").filter(has_text=package.name)

    def opens_access(self, package):
        self.page.goto("/access/")
        self.page.get_by_role("link", name=package.name, exact=True).click()
        expect(self.page.get_by_role("region", name="What happened")).to_be_visible()

    def extends(self, package, why, until=None):
        """Start at the Active tab; return the address of the request that comes of it."""
        self.page.goto("/access/")
        self.page.get_by_role("link", name=f"Extend… {package}").click()
        if until:
            self.page.get_by_label("Keep it until").fill(until.isoformat())
        self.page.get_by_label("Why do you still need it?").fill(why)
        self.page.get_by_role("button", name=re.compile("Ask to extend|Extend access")).click()
        expect(self.page).to_have_url(re.compile("/requests/"))
        return self.page.url

    def end_shown(self):
        """The moment after "Ends" where an access stands, as its page gives it to machines."""
        return self.standing.locator("p time").first.get_attribute("datetime")

    # Deciding

    def card(self, person, package):
        """The card of one request in the inbox, found through the navigation."""
        self.page.goto("/")
        navigation = self.page.get_by_role("navigation", name="Main", exact=True)
        navigation.get_by_role("link", name="Approvals").click()
        cards = self.page.get_by_role("article").filter(has_text=package.name)
        return cards.filter(has_text=person.display_name)

    def approves(self, person, package):
        card = self.card(person, package)
        card.get_by_role("button", name="Approve", exact=True).click()
        expect(card).to_contain_text(f"You approved {package} for {person}.")

    def approves_for_less(self, person, package, until: date):
        card = self.card(person, package)
        card.get_by_role("link", name="Approve for less…").click()
        card.get_by_label("Until the end of").fill(until.isoformat())
        card.get_by_role("button", name="Approve until then").click()
        expect(card).to_contain_text(f"You approved {package} for {person}.")

    def denies(self, person, package, why):
        card = self.card(person, package)
        card.get_by_role("link", name="Deny…").click()
        card.get_by_label("Reason").fill(why)
        card.get_by_role("button", name="Deny request").click()
        expect(card).to_contain_text(f"You denied {package} for {person}.")

    def has_nothing_to_decide(self):
        self.page.goto("/approvals/")
        expect(self.page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()


class Onlooker:
    """Somebody who reads an LDAP server with a connection of his own, as a reader."""

    def __init__(self, server):
        self.server = server

    def members(self, group_dn):
        """Return the DNs in a group as the running server tells them."""
        connection = ldap3.Connection(
            ldap3.Server(self.server.url, get_info=ldap3.NONE),
            self.server.reader_dn,
            self.server.reader_password,
            auto_bind=True,
            raise_exceptions=True,
        )
        connection.search(
            group_dn, "(objectClass=*)", search_scope=ldap3.BASE, attributes=["member"]
        )
        found = connection.response[0]["attributes"]["member"]
        connection.unbind()
        return list(found)
