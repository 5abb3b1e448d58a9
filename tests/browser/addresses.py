"""Every address of the portal, with what there is for each persona of the demo company."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.admin.utils import quote
from django.urls import URLPattern, get_resolver, reverse

from entitlements import clock, models
from entitlements.requests.states import Event
from portal.admin.looking import RecordedAdmin
from portal.admin.registry import administration, manage
from portal.help.topics import TOPICS


class Visit(NamedTuple):
    """One address to look at, under the name of its route."""

    route: str
    path: str
    status: int = 200


def visit(route, *arguments, query="", status=200):
    return Visit(route, reverse(route, args=arguments) + query, status)


NO_PAGES = {
    # Acts, which are posted
    "requests:remind", "requests:again", "requests:try_again", "approvals:approve",
    "approvals:shorten", "approvals:deny", "approvals:ask", "approvals:delegation_end",
    "requests:answer", "notifications:mark_read", "preferences:theme",
    "demo:be", "manage:package_step", "manage:extension_test", "manage:extension_again",
    "manage:policy_preview", "manage:policy_preview_new", "manage:package_preview",
    "manage:give_start", "manage:give_drop", "manage:import_start", "manage:import_drop",
    "manage:act_start", "manage:act_stop", "manage:act_drop",
    "roles:service_switch",
    # Addresses that lead on to others
    "notifications:open", "admin:login", "admin:None", "None",
    # Answers to programs
    "healthz", "readyz", "callbacks:resume", "manage:pick", "approvals:find",
    "organizations:find",
    "admin:autocomplete", "admin:jsi18n",
    "mfa_download_recovery_codes", "mfa_login_webauthn",
    # Files
    "manage:give_sample", "manage:give_result", "manage:clashes_file",
    "manage:catalog_clashes_file", "manage:holders_file",
    "manage:import_sample", "manage:import_result", "manage:act_result",
    "manage:entitlements_assignment_export",
    "manage:entitlements_accessrequest_export",
    # A mail as mail programs show it
    "demo:message_as_html",
    # Steps of a sign-in, which start with a form
    "account_confirm_login_code", "mfa_authenticate", "account_email_verification_sent",
    "mfa_reauthenticate_webauthn",
    # Sign-in by other sites, of which none is configured
    "socialaccount_signup", "socialaccount_login_cancelled", "socialaccount_login_error",
    "socialaccount_connections",
}  # fmt: skip


def routes():
    """Return the names of all routes; those without one are called None."""
    return set(_names(get_resolver()))


def _names(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{prefix}{pattern.name}"
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _names(pattern, f"{prefix}{inner}")


def of_nobody(user):
    """What is there before signing in."""
    yield visit("account_login")
    yield visit("account_signup")
    yield visit("account_inactive")
    yield visit("account_reset_password")
    yield visit("account_reset_password_done")
    yield visit("account_reset_password_from_key_done")
    yield visit("account_reset_password_from_key", "1", "abc")
    yield visit("account_confirm_email", "unknown-key")
    yield visit("help:index")
    yield visit("demo:index")
    yield visit("demo:mail")
    mails = models.Notification.objects.filter(sent_at__isnull=False)
    for mail in one_per(mails.order_by("-sent_at"), "event"):
        yield visit("demo:message", mail.pk)
    yield Visit("nowhere", "/nowhere/", 404)
    yield visit("package_link", "fabrikam.example", UUID(int=1), status=404)


def of_everybody(user):
    """Lists and texts."""
    for route in (
        "home:index",
        "packages:index",
        "access:index",
        "access:expired",
        "requests:index",
        "notifications:index",
        "approvals:index",
        "approvals:decided",
        "approvals:delegation",
    ):
        yield visit(route)
    yield Visit("nowhere", "/nowhere/", 404)


def of_one_for_all(user):
    """What looks alike for everybody, or nearly so."""
    yield visit("packages:index", query="?q=zeppelin")
    yield visit("requests:index", query="?show=closed")
    yield visit("notifications:index", query="?show=unread")
    yield visit("package_link", settings.ORGANIZATION_HINTS[0], UUID(int=1), status=404)
    yield visit("preferences:index")
    yield visit("help:index")
    for topic in TOPICS:
        yield visit("help:topic", topic.slug)
    yield visit("account_logout")
    yield visit("account_email")
    yield visit("account_set_password")
    yield visit("mfa_index")
    yield visit("mfa_activate_totp")
    yield visit("mfa_generate_recovery_codes")
    yield visit("mfa_list_webauthn")
    yield visit("mfa_add_webauthn")


def second_step(user):
    """What there is for somebody who has secured his sign-in."""
    yield visit("mfa_index")
    yield visit("mfa_view_recovery_codes")
    yield visit("mfa_generate_recovery_codes")
    yield visit("mfa_deactivate_totp")
    yield visit("mfa_list_webauthn")
    for key in Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN):
        yield visit("mfa_edit_webauthn", key.pk)
        yield visit("mfa_remove_webauthn", key.pk)
    yield visit("mfa_reauthenticate")


def own(user):
    """What somebody may ask for, holds, held and asked for: one in each state."""
    policies = models.AssignmentPolicy.objects.open_to(user)
    offered = models.AccessPackage.objects.filter(policies__in=policies).distinct()
    for package in sorted(offered, key=lambda one: -one.policies.count())[:2]:
        yield visit("packages:detail", package.pk)
    for package in offered.order_by("name")[:1]:
        yield visit("packages:ask", package.pk)
    assignments = models.Assignment.objects.held_by(user)
    for assignment in one_per(assignments.order_by("starts_at"), "shown_state"):
        yield visit("access:detail", assignment.pk)
        yield visit("packages:detail", assignment.package_id, status=_seen(assignment, offered))
    for assignment in assignments.live().order_by("-starts_at")[:1]:
        yield visit("access:extend", assignment.pk)
        yield visit("access:give_back", assignment.pk)
        yield visit("access:correct", assignment.pk)
    requests = models.AccessRequest.objects.made_by_or_for(user).order_by("created_at")
    for access_request in one_per(requests, "shown_state", "kind"):
        yield visit("requests:detail", access_request.pk)
    for access_request in [one for one in requests.open() if one.can_see(Event.CANCEL)][:1]:
        yield visit("requests:cancel", access_request.pk)


def _seen(assignment, offered):
    return 200 if offered.filter(pk=assignment.package_id).exists() else 404


def to_decide(user):
    """What somebody decides and has decided."""
    waiting = list(models.AccessRequest.objects.waiting_for(user).order_by("created_at"))
    for access_request in waiting[:1]:
        for choice in ("approve", "deny"):
            yield visit("approvals:confirm", access_request.pk, query=f"?choice={choice}")
            ids = "".join(f"&request={one.pk}" for one in waiting)
            yield visit("approvals:together", query=f"?choice={choice}{ids}")
        yield visit("approvals:hand_over", access_request.pk)
    own = models.Assignment.objects.live().filter(
        requests__steps__decided_by=user, requests__steps__state="approved"
    )
    for assignment in own.order_by("starts_at")[:1]:
        yield visit("approvals:revoke", assignment.pk)
    asked = models.AccessRequest.objects.asked_of(user).order_by("created_at").distinct()
    for access_request in one_per(asked, "shown_state"):
        yield visit("approvals:detail", access_request.pk)
        yield visit("requests:detail", access_request.pk)
    for access_request in models.AccessRequest.objects.waiting_for(user):
        for question in access_request.terms["questions"]:
            if question["is_editable"]:
                yield visit("approvals:correct", access_request.pk, question["key"])


def team(user):
    """What managers see of their people."""
    yield visit("team:index")
    people = models.User.objects.looked_after_by(user).active().order_by("display_name")
    held = models.Assignment.objects.live().filter(target__in=people).order_by("starts_at")
    for assignment in held[:1]:
        yield visit("team:person", assignment.target_id)
        yield visit("team:end", assignment.pk)
        yield visit("packages:index", query=f"?for={assignment.target_id}")
        yield visit("team:copy", query=f"?source={assignment.target_id}&target={user.pk}")


def lists(user):
    """Lists of people to give a package to: one that was given, and one to be given."""
    for bulk in models.BulkAssignment.objects.filter(made_by=user).order_by("created_at"):
        yield visit("manage:give_list", bulk.pk)
        yield visit("manage:give_list", bulk.pk, query="?show=refused")


def broken_link(user):
    yield visit("approvals:mail", "not-a-token", status=404)


def managed(user):
    """What readers of a catalog see of it."""
    yield visit("manage:index")
    yield visit("manage:deliveries")
    for model in manage._registry:
        yield visit(f"manage:entitlements_{model._meta.model_name}_changelist")
    day = clock.today_begins().date() - timedelta(days=30)
    for query in ("?q=zeppelin", f"?as_of={day}", "?as_of=rubbish"):
        yield visit("manage:entitlements_assignment_changelist", query=query)
    catalogs = models.Catalog.objects.visible_to(user).order_by("-created_at")
    for catalog in catalogs[:1]:
        yield visit("manage:catalog", catalog.pk)
        yield visit("manage:people", catalog.pk)
        yield visit("manage:catalog_clashes", catalog.pk)
    packages = models.AccessPackage.objects.visible_to(user).order_by("name")
    for package in one_per(packages, "state"):
        yield visit("manage:package", package.pk)
        yield visit("manage:clashes", package.pk)
    for resource in models.Resource.objects.visible_to(user).order_by("name")[:1]:
        yield visit("manage:resource", resource.pk)
    assignments = models.Assignment.objects.visible_to(user).order_by("starts_at")
    for assignment in one_per(assignments, "shown_state"):
        yield visit("manage:assignment", assignment.pk)
    yield from done_to_many(user)
    yield visit("manage:calls")
    for extension in models.CustomExtension.objects.visible_to(user).order_by("name")[:1]:
        yield visit("manage:extension", extension.pk)
        yield visit("manage:extension", extension.pk, query="?state=given_up")


def done_to_many(user):
    """Changes in bulk of rows that the reader may see."""
    yield visit("manage:acts")
    for act in models.BulkAct.objects.visible_to(user).order_by("created_at"):
        yield visit("manage:act", act.pk)
        yield visit("manage:act", act.pk, query="?show=refused")


def kept_apart(user):
    """What clashes and what is required in the demo company, and the exception in it."""
    packages = models.AccessPackage.objects.visible_to(user)
    for route, model in (
        ("clash_remove", models.Incompatibility),
        ("require_no_more", models.Prerequisite),
    ):
        yield visit(f"manage:{route}", model.objects.filter(package__in=packages)[0].pk)
    clash = models.RoleClash.objects.filter(catalog__packages__in=packages)[0]
    yield visit("manage:role_clash_remove", clash.pk)
    for exception in one_per(
        models.ClashException.objects.filter(package__in=packages), "shown_state"
    ):
        yield visit("manage:exception", exception.pk)
        yield visit("manage:exception_end", exception.pk)


def connected(user):
    """What owners of a catalog change about the systems that it calls."""
    for extension in models.CustomExtension.objects.visible_to(user):
        for route in ("extension_edit", "extension_secret", "extension_delete"):
            yield visit(f"manage:{route}", extension.pk)
        yield visit("manage:callout_answer", extension.callouts.all()[0].pk)


def held_now(user):
    """Who has what owners offer: in a group of the directory, and in a system that is away."""
    resources = models.Resource.objects.visible_to(user).exclude(roles=None)
    for resource in one_per(resources.order_by("name", "pk"), "system_id"):
        for sort in ("", "?show=explained", "?show=unknown", "?show=missing"):
            yield visit("manage:holders", resource.pk, query=sort)


def imported(user):
    """Imports of role definitions: with mistakes, tried out, and carried out."""
    for role_import in models.RoleImport.objects.filter(made_by=user).order_by("created_at"):
        for sort in ("", "?show=wrong", "?show=left_out"):
            yield visit("manage:import", role_import.pk, query=sort)


def planned():
    """A package of which there is a draft."""
    draft = models.PackageDraft.objects.get(package__name="Sales Reader")
    for route in ("package", "package_draft", "package_throw_away", "package_versions"):
        yield visit(f"manage:{route}", draft.package_id)
    yield visit("manage:package_restore", draft.package_id, 1)


def changed(user):
    """What owners of a catalog change in it."""
    yield visit("manage:catalog_add", status=200 if user.is_superuser else 403)
    catalog = models.Catalog.objects.visible_to(user).exclude(packages=None).order_by("name")[0]
    for route in (
        "catalog_edit",
        "resource_add",
        "package_add",
        "import_add",
        "role_clash_add",
        "extension_add",
    ):
        yield visit(f"manage:{route}", catalog.pk)
    appointed = models.User.objects.filter(email__startswith="lena.fischer").get()
    sales = models.Catalog.objects.get(name="Sales")
    yield visit("manage:dismiss", sales.pk, appointed.pk, query="?role=assignment_manager")
    desk = models.Group.objects.get(name="Sales desk")
    yield visit("manage:people", sales.pk, query=f"?group={desk.pk}")
    narrowed = f"?catalog={catalog.pk}"
    yield visit("manage:deliveries", query=narrowed)
    yield visit("manage:calls", query=narrowed)
    package = catalog.packages.filter(state="published").order_by("name")[0]
    role = package.package_roles.order_by("position")[0].role
    for route in (
        "package_edit",
        "package_duplicate",
        "package_move",
        "give",
        "package_role_add",
        "policy_add",
        "package_ways",
        "package_as",
    ):
        yield visit(f"manage:{route}", package.pk)
    for_her = f"?person=user:{appointed.pk}"
    yield visit("manage:package_ways", package.pk, query=for_her)
    yield visit("manage:package_as", package.pk, query=for_her)
    for route in ("clash_add", "require", "exception_add"):
        yield visit(f"manage:{route}", package.pk)
    yield from kept_apart(user)
    yield visit("manage:package_role_remove", package.pk, role.pk)
    # Whose group it is not changes nothing about it.
    status = 200 if user.is_superuser else 403
    yield visit("manage:resource_edit", role.resource_id, status=status)
    yield visit("manage:role_add", role.resource_id, status=status)
    yield visit("manage:role_edit", role.resource_id, role.pk, status=status)
    yield visit("manage:role_remove", role.resource_id, role.pk, status=status)
    yield visit("manage:resource_remove", catalog.pk, role.resource_id)
    yield visit("manage:attribute_add", role.resource_id, status=status)
    for asked in models.ResourceAttribute.objects.filter(resource__catalogs=catalog)[:1]:
        yield visit("manage:resource", asked.resource_id)
        yield visit("manage:attribute_remove", asked.resource_id, asked.pk, status=status)
    yield from connected(user)
    policies = models.AssignmentPolicy.objects.filter(package__catalog=catalog)
    for policy in one_per(policies.order_by("name"), "expiration", "scope"):
        yield visit("manage:policy", policy.pk)
    yield visit("manage:policy_delete", policies.order_by("name")[0].pk)
    yield visit("manage:policy_add", package.pk, query="?template=contractor")
    yield visit("manage:policy_add", package.pk, query=f"?copy={package.policies.all()[0].pk}")
    draft = models.PolicyDraft.objects.get(policy__package__name="Sales Reader")
    for route in (
        "policy",
        "policy_draft",
        "policy_throw_away",
        "policy_versions",
        "policy_pending",
    ):
        yield visit(f"manage:{route}", draft.policy_id)
    yield visit("manage:policy_restore", draft.policy_id, 1)
    yield from planned()
    assignments = models.Assignment.objects.visible_to(user).live().order_by("starts_at")
    for assignment in assignments.exclude(ends_at=None)[:1]:
        yield visit("manage:assignment_extend", assignment.pk)
        yield visit("manage:assignment_answers", assignment.pk)
    ids = "&".join(f"id={one.pk}" for one in assignments[:2])
    yield visit("manage:assignments_end", query=f"?{ids}")
    yield visit("manage:assignments_extend", query=f"?{ids}")
    yield visit("manage:assignments_again", query=f"?{ids}")
    requests = models.AccessRequest.objects.managed_by(user).order_by("created_at")
    ids = "&".join(f"id={one.pk}" for one in requests[:2])
    yield visit("manage:requests_cancel", query=f"?{ids}")
    yield visit("manage:requests_again", query=f"?{ids}")
    status = 200 if user.is_superuser else 403
    yield visit("manage:requests_delete", query=f"?{ids}", status=status)


def refused(user):
    """What readers of a catalog may not change."""
    catalog = models.Catalog.objects.visible_to(user).order_by("name")[0]
    yield visit("manage:catalog_edit", catalog.pk, status=403)


def of_administrators(user):
    """What only administrators do beneath `/manage/`, and with groups that are not theirs."""
    yield visit("manage:index")
    yield visit("manage:catalog_add")
    empty = models.Catalog.objects.filter(packages=None).order_by("name")[0]
    yield visit("manage:catalog_delete", empty.pk)
    role = models.ResourceRole.objects.order_by("name")[0]
    yield visit("manage:resource_edit", role.resource_id)
    yield visit("manage:role_add", role.resource_id)
    yield visit("manage:role_edit", role.resource_id, role.pk)
    yield visit("manage:role_remove", role.resource_id, role.pk)


def deleted(user):
    """What the link to a request says whose record was deleted."""
    for event in models.AuditEvent.objects.filter(action="request.record_deleted"):
        yield visit("requests:detail", event.subject_id, status=410)


def connected_organizations(user):
    """Whose people come from outside, and what one of them may ask for."""
    yield visit("organizations:index")
    yield visit("organizations:index", query="?q=zeppelin")
    yield visit("organizations:add")
    organization = models.ConnectedOrganization.objects.get(name="Blue Harbour")
    for route in ("detail", "edit", "promote", "delete", "sponsor_add"):
        yield visit(f"organizations:{route}", organization.pk)
    package = models.AccessPackage.objects.get(name="Joint Delivery Plan")
    for address in ("eli.weiss@blueharbour.example", "sam@elsewhere.example"):
        query = f"?address={address}&package=package:{package.pk}"
        yield visit("organizations:detail", organization.pk, query=query)
    sponsor = organization.internal_sponsors.get()
    yield visit("organizations:sponsor_remove", organization.pk, "internal", sponsor.pk)
    proposed = models.ConnectedOrganization.objects.get(state="proposed")
    yield visit("organizations:detail", proposed.pk)
    yield visit("organizations:promote", proposed.pk)
    # Somebody without an account, and a policy for organizations
    invited = models.AccessRequest.objects.get(target__is_invited=True)
    yield visit("requests:detail", invited.pk)
    yield visit("manage:policy", invited.policy_id)
    yield visit("manage:package_ways", package.pk, query=f"?person=user:{_guest().pk}")


def _guest():
    return models.User.objects.get(email="eli.weiss@blueharbour.example")


def overseen(user):
    """Who holds which role in the portal, and what somebody may do."""
    yield visit("roles:index")
    for key in ("administrator", "auditor"):
        yield visit("roles:role", key)
    yield visit("roles:person")
    for name in ("Olga Owner", "Theo Lang", "Uma Lund", "Helen Ward", "Nia New"):
        person = models.User.objects.get(display_name=name)
        yield visit("roles:person", query=f"?person=user:{person.pk}")
    program = models.User.objects.services()[0]
    yield visit("roles:person", query=f"?person=service:{program.pk}")
    yield visit("roles:services")


def appointed(user):
    """What whoever appoints to roles sees before dismissing somebody."""
    creator = models.User.objects.get(display_name="Mia Sand")
    yield visit("roles:dismiss", "catalog_creator", creator.pk)


def administered(user):
    """What administrators see, and the little that they change."""
    yield visit("admin:index")
    for label in sorted({model._meta.app_label for model in administration._registry}):
        yield visit("admin:app_list", label)
    yield visit("account_change_password")
    yield visit("account_reauthenticate")
    for model, model_admin in administration._registry.items():
        route = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield visit(f"{route}_changelist")
        if isinstance(model_admin, RecordedAdmin):
            yield visit(f"{route}_add")
        for row in model._default_manager.order_by("pk")[:1]:
            yield visit(f"{route}_change", quote(row.pk))


def beside(user):
    """What there is of each row beside its page, and what does not exist."""
    for model, model_admin in administration._registry.items():
        route = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if not isinstance(model_admin, RecordedAdmin):
            yield visit(f"{route}_add", status=404)
        for row in model._default_manager.order_by("pk")[:1]:
            yield visit(f"{route}_history", quote(row.pk))
            yield visit(f"{route}_delete", quote(row.pk), status=404)


def one_per(things, *attributes):
    """Return the first of each kind, as these attributes tell kinds apart."""
    found = {}
    for thing in things:
        found.setdefault(tuple(getattr(thing, name) for name in attributes), thing)
    return list(found.values())


PERSONAS = {
    "nia": [of_everybody, own],
    "ana": [of_everybody, of_one_for_all, own],
    "dev": [of_everybody, own, to_decide, team],
    "bo": [of_everybody, own, to_decide, broken_link, lists],
    "gita": [of_everybody, own, to_decide, refused],
    "olga": [of_everybody, own, managed, changed, held_now, imported],
    "rosa": [of_everybody, own, second_step],
    "helen": [of_everybody, own, managed, overseen, appointed],
    "uma": [of_everybody, managed, refused, overseen],
    "ivo": [
        of_everybody,
        of_administrators,
        connected_organizations,
        overseen,
        appointed,
        administered,
        deleted,
    ],
    "eli": [of_everybody, own],
}
"""What is looked at as each of them."""

GLANCES = {
    "bo": [managed],
    "gita": [managed],
    "rosa": [managed, refused],
    "ivo": [managed, changed, beside],
}
"""What looks as it does to somebody else, and is only asked for."""

CLOSED = {
    "/manage/": ("Olga Owner", [managed, changed], {"nia", "ana", "dev", "eli"}),
    "/admin/": ("Ivo Okoro", [administered], {"ana", "bo", "olga", "helen", "uma", "eli"}),
    "/organizations/": ("Ivo Okoro", [connected_organizations], {"ana", "olga", "uma", "eli"}),
    "/settings/roles/": ("Helen Ward", [overseen, appointed], {"ana", "olga", "eli"}),
}
"""What somebody sees on a site that does not exist for others."""


def addresses(key, user):
    """Return what is looked at as a persona, each address once."""
    parts = PERSONAS.get(key, [of_nobody])
    return list(dict.fromkeys(one for part in parts for one in part(user)))


def at_a_glance(key, user):
    """Yield what is only asked for as a persona: what others look at, and what is closed."""
    yield from (one for part in GLANCES.get(key, []) for one in part(user))
    for site, (name, parts, others) in CLOSED.items():
        if key in others:
            insider = models.User.objects.get(display_name=name)
            places = (one for part in parts for one in part(insider))
            yield from (
                place._replace(status=404) for place in places if place.path.startswith(site)
            )
