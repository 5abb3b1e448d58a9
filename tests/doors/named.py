"""What acts may name, and what keeps each from naming what its author could not give himself.

One row for each parameter of each act that names a thing: the rule that holds for it, an attempt by
an owner of one catalog to name what is another's (or what nobody may name there), and the code of
the refusal. The rules hold in the acts themselves; forms only offer what they allow.

To add an act, add a row for each of its parameters: `w.own` and `w.foreign` are places with one of
everything, `w.by` owns the first, `w.mine` is about himself, `w.unknown` is the id of nothing.
"""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from entitlements import clock, models
from entitlements.callouts import operations as calls
from entitlements.catalog import attributes, extensions, packages, resources, rewriting
from entitlements.catalog import operations as catalogs
from entitlements.catalog.extensions import ExtensionTerms
from entitlements.catalog.terms import (
    CatalogTerms,
    ContainedRole,
    PackageContents,
    PackageTerms,
    ResourceTerms,
    RoleTerms,
)
from entitlements.connectors import checking
from entitlements.delivery import acting, taking_over
from entitlements.delivery import operations as delivery
from entitlements.delivery.acting import Wanted
from entitlements.directory import appointing, preferences
from entitlements.directory import operations as directory
from entitlements.directory.organizations import operations as organizations
from entitlements.directory.organizations.models import SponsorKind
from entitlements.directory.organizations.terms import OrganizationTerms
from entitlements.imports import operations as imports
from entitlements.imports.building import Options
from entitlements.imports.definitions import Definitions
from entitlements.policies import clashes, drafts, duplicating, moving, risk_operations
from entitlements.policies import operations as policies
from entitlements.policies.scopes import Scope
from entitlements.policies.stage_terms import ApproverTerms, StageTerms
from entitlements.policies.terms import CalloutTerms, PolicyTerms
from entitlements.requests import (
    answers,
    callbacks,
    clash_exceptions,
    correcting,
    deciding,
    dialogue,
    giving,
    handing_over,
    inviting,
    on_behalf,
    reapplying,
    records,
    standing_in,
)
from entitlements.requests import operations as requests
from entitlements.requests.judging import Entry


class Named(NamedTuple):
    """One parameter: the rule that holds for it, the code of its refusal, and an attempt."""

    act: str
    parameter: str
    rule: str
    code: str
    attempt: object


RIGHT = "a thing of a catalog in which one has the right"
SEEN = "what one may look into; both sides see the pair, as clashes cross catalogs"
ITS_OWN = "what the catalog of the thing offers"
CONCERNED = "what is about oneself"
ASKED = "what one is asked to decide"
DIRECTORY = "administrators alone change the directory"
ANYBODY = "any active person of the directory: no program, and nobody who has left"
ANY_GROUP = "any group of the directory: who is named may ask or decide, and gets nothing by it"
WORDS = PackageTerms("New", "Words.")
NEW = ResourceTerms("New")
OPEN_POLICY = PolicyTerms("New")
NO_ROLES = Definitions(())


def containing(*roles):
    """Return the contents of a package with these roles."""
    listed = tuple(ContainedRole(role.pk) for role in roles)
    return PackageContents("Whole", "Words.", roles=listed)


def specific(**named):
    return replace(OPEN_POLICY, scope="specific", **named)


def asking(**named):
    approver = ApproverTerms("user" if "user_id" in named else "group", **named)
    return replace(OPEN_POLICY, stages=(StageTerms((approver,)),))


def calling(extension):
    return replace(OPEN_POLICY, callouts=(CalloutTerms("approved", extension.pk),))


def offer(catalog, w, *, system=None, external_id=None, kind="security_group"):
    return resources.add_resource(
        catalog,
        NEW,
        system=system or models.ConnectedSystem.objects.built_in_directory(),
        external_id=external_id or str(w.own.group.pk),
        kind=kind,
        by=w.by,
    )


def asking_of(extension, fallback):
    """Return a policy whose approvers an extension names; `fallback` decides where it does not."""
    fallback = ApproverTerms("user", user_id=fallback.pk, is_fallback=True)
    return replace(OPEN_POLICY, stages=(StageTerms((fallback,), extension_id=extension.pk),))


def open_to(organization_id, approver):
    terms = asking(user_id=approver.pk)
    scope = Scope.SPECIFIC_ORGANIZATIONS.value
    return replace(terms, scope=scope, allowed_organization_ids=(organization_id,))


def exception(w, package, other, person):
    ends_at = clock.now() + timedelta(days=1)
    return clash_exceptions.propose(
        package, other, person, by=w.by, reason="Because.", ends_at=ends_at
    )


def hand_over(access_request, to, by, giver=None):
    return handing_over.hand_over(access_request, to, by=by, justification="Because.", giver=giver)


def refused(outcomes):
    """Raise the refusal of the only one among several."""
    (outcome,) = outcomes
    outcome.decision.require()


EXTENSION = ExtensionTerms("New", "https://hooks.kestrel.example/")
IN_CATALOGS = [
    Named("catalog.operations.change_catalog", "catalog", RIGHT, "not_permitted",
          lambda w: catalogs.change_catalog(w.foreign.catalog, CatalogTerms("New"), by=w.by)),
    Named("catalog.operations.delete_catalog", "catalog", RIGHT, "not_permitted",
          lambda w: catalogs.delete_catalog(w.foreign.empty, by=w.by)),
    Named("catalog.operations.appoint", "catalog", RIGHT, "not_permitted",
          lambda w: catalogs.appoint(w.by, w.foreign.catalog, "owner", by=w.by)),
    Named("catalog.operations.appoint", "holder",
          "whoever is active, programs too, and any group: owners may give the role to anybody",
          "account_disabled", lambda w: catalogs.appoint(w.gone, w.own.catalog, "owner", by=w.by)),
    Named("catalog.operations.dismiss", "catalog", RIGHT, "not_permitted",
          lambda w: catalogs.dismiss(w.foreign.approver, w.foreign.catalog, "owner", by=w.by)),
    Named("catalog.operations.dismiss", "holder", "whoever holds that role there", "not_appointed",
          lambda w: catalogs.dismiss(w.foreign.approver, w.own.catalog, "owner", by=w.by)),
    Named("catalog.packages.create_package", "catalog", RIGHT, "not_permitted",
          lambda w: packages.create_package(w.foreign.catalog, WORDS, by=w.by)),
    Named("catalog.packages.change_package", "package", RIGHT, "not_permitted",
          lambda w: packages.change_package(w.foreign.package, WORDS, by=w.by)),
    Named("catalog.packages.publish", "package", RIGHT, "not_permitted",
          lambda w: packages.publish(w.foreign.package, by=w.by)),
    Named("catalog.packages.retire", "package", RIGHT, "not_permitted",
          lambda w: packages.retire(w.foreign.package, by=w.by)),
    Named("catalog.packages.hide", "package", RIGHT, "not_permitted",
          lambda w: packages.hide(w.foreign.package, by=w.by)),
    Named("catalog.packages.show", "package", RIGHT, "not_permitted",
          lambda w: packages.show(w.foreign.package, by=w.by)),
    Named("catalog.packages.delete_package", "package", RIGHT, "not_permitted",
          lambda w: packages.delete_package(w.foreign.bare, by=w.by)),
    Named("catalog.packages.add_role", "package", RIGHT, "not_permitted",
          lambda w: packages.add_role(w.foreign.bare, w.foreign.role, by=w.by)),
    Named("catalog.packages.add_role", "role",
          f"{ITS_OWN}, and of groups only what one could give with all that comes with it",
          "not_in_catalog",
          lambda w: packages.add_role(w.own.bare, w.foreign.role, by=w.by)),
    Named("catalog.packages.remove_role", "package", RIGHT, "not_permitted",
          lambda w: packages.remove_role(w.foreign.package, w.foreign.role, by=w.by)),
    Named("catalog.packages.remove_role", "role", "what the package contains",
          "role_not_in_package",
          lambda w: packages.remove_role(w.own.package, w.foreign.role, by=w.by)),
    Named("catalog.resources.add_resource", "catalog", RIGHT, "not_permitted",
          lambda w: offer(w.foreign.catalog, w)),
    Named("catalog.resources.add_resource", "system",
          "the built-in directory; others are for administrators", "administrators_only",
          lambda w: offer(w.own.catalog, w, system=w.foreign.system, external_id="Finance")),
    Named("catalog.resources.add_resource", "external_id",
          "a group that one owns, and could give with all that comes with it",
          "not_resource_owner", lambda w: offer(w.own.catalog, w)),
    Named("catalog.resources.remove_resource", "catalog", RIGHT, "not_permitted",
          lambda w: resources.remove_resource(w.foreign.catalog, w.foreign.resource, by=w.by)),
    Named("catalog.resources.remove_resource", "resource", "what one owns, by both keys",
          "administrators_only",
          lambda w: resources.remove_resource(w.own.catalog, w.foreign.resource, by=w.by)),
    Named("catalog.resources.change_resource", "resource", "what one owns, by both keys",
          "not_permitted",
          lambda w: resources.change_resource(w.foreign.resource, NEW, by=w.by)),
    Named("catalog.resources.add_resource_role", "resource", "what one owns, by both keys",
          "not_permitted",
          lambda w: resources.add_resource_role(
              w.foreign.resource, "admin", RoleTerms("Admin"), by=w.by)),
    Named("catalog.resources.change_resource_role", "role", "what one owns, by both keys",
          "not_permitted",
          lambda w: resources.change_resource_role(w.foreign.role, RoleTerms("New"), by=w.by)),
    Named("catalog.resources.remove_resource_role", "role", "what one owns, by both keys",
          "not_permitted",
          lambda w: resources.remove_resource_role(w.foreign.writer, by=w.by)),
    Named("catalog.attributes.ask_for_attribute", "resource", "what one owns, by both keys",
          "not_permitted",
          lambda w: attributes.ask_for_attribute(
              w.foreign.resource, "city", "Which?", is_editable=False, by=w.by)),
    Named("catalog.attributes.stop_asking", "attribute", "what one owns, by both keys",
          "not_permitted",
          lambda w: attributes.stop_asking(w.foreign.attribute, by=w.by)),
    Named("catalog.extensions.create_extension", "catalog", RIGHT, "not_permitted",
          lambda w: extensions.create_extension(w.foreign.catalog, EXTENSION, by=w.by)),
    Named("catalog.extensions.change_extension", "extension", RIGHT, "not_permitted",
          lambda w: extensions.change_extension(w.foreign.extension, EXTENSION, by=w.by)),
    Named("catalog.extensions.change_secret", "extension", RIGHT, "not_permitted",
          lambda w: extensions.change_secret(w.foreign.extension, by=w.by)),
    Named("catalog.extensions.delete_extension", "extension", RIGHT, "not_permitted",
          lambda w: extensions.delete_extension(w.foreign.extension, by=w.by)),
    Named("callouts.operations.call_for_test", "extension", RIGHT, "not_permitted",
          lambda w: calls.call_for_test(w.foreign.extension, by=w.by)),
    Named("callouts.operations.send_again", "callouts", RIGHT, "not_permitted",
          lambda w: calls.send_again([w.own.callout, w.foreign.callout], by=w.by)),
    Named("policies.duplicating.duplicate_package", "package", RIGHT, "not_permitted",
          lambda w: duplicating.duplicate_package(w.foreign.bare, "New", by=w.by)),
    Named("policies.moving.move_package", "package", RIGHT, "not_permitted",
          lambda w: moving.move_package(w.foreign.bare, w.own.catalog, by=w.by)),
    Named("policies.moving.move_package", "catalog", RIGHT, "not_permitted",
          lambda w: moving.move_package(w.own.bare, w.foreign.catalog, by=w.by)),
    Named("policies.clashes.add_clash", "package", RIGHT, "not_permitted",
          lambda w: clashes.add_clash(w.foreign.package, w.own.package, by=w.by)),
    Named("policies.clashes.add_clash", "other", SEEN, "not_visible",
          lambda w: clashes.add_clash(w.own.package, w.foreign.package, by=w.by)),
    Named("policies.clashes.add_clash", "other", SEEN, "not_visible",
          lambda w: clashes.add_clash(w.own.package, w.foreign.role, by=w.by)),
    Named("policies.clashes.remove_clash", "clash", RIGHT, "not_permitted",
          lambda w: clashes.remove_clash(w.foreign.clash, by=w.by)),
    Named("policies.clashes.add_role_clash", "catalog", RIGHT, "not_permitted",
          lambda w: clashes.add_role_clash(
              w.foreign.catalog, w.foreign.role, w.own.role, by=w.by)),
    Named("policies.clashes.add_role_clash", "first", SEEN, "not_visible",
          lambda w: clashes.add_role_clash(w.own.catalog, w.foreign.role, w.own.role, by=w.by)),
    Named("policies.clashes.add_role_clash", "second", SEEN, "not_visible",
          lambda w: clashes.add_role_clash(w.own.catalog, w.own.role, w.foreign.role, by=w.by)),
    Named("policies.clashes.remove_role_clash", "clash", RIGHT, "not_permitted",
          lambda w: clashes.remove_role_clash(w.foreign.role_clash, by=w.by)),
    Named("policies.clashes.add_prerequisite", "package", RIGHT, "not_permitted",
          lambda w: clashes.add_prerequisite(w.foreign.bare, w.own.bare, by=w.by)),
    Named("policies.clashes.add_prerequisite", "required", SEEN, "not_visible",
          lambda w: clashes.add_prerequisite(w.own.bare, w.foreign.bare, by=w.by)),
    Named("policies.clashes.remove_prerequisite", "prerequisite", RIGHT, "not_permitted",
          lambda w: clashes.remove_prerequisite(w.foreign.prerequisite, by=w.by)),
]  # fmt: skip
IN_POLICIES = [
    Named("policies.operations.create_policy", "package", RIGHT, "not_permitted",
          lambda w: policies.create_policy(w.foreign.package, OPEN_POLICY, by=w.by)),
    Named("policies.operations.change_policy", "policy", RIGHT, "not_permitted",
          lambda w: policies.change_policy(w.foreign.policy, OPEN_POLICY, by=w.by)),
    Named("policies.operations.delete_policy", "policy", RIGHT, "not_permitted",
          lambda w: policies.delete_policy(w.foreign.policy, by=w.by)),
    Named("catalog.rewriting.rewrite_package", "package", RIGHT, "not_permitted",
          lambda w: rewriting.rewrite_package(w.foreign.package, containing(), by=w.by)),
    Named("catalog.rewriting.rewrite_package", "contents.roles.role_id", ITS_OWN, "not_in_catalog",
          lambda w: rewriting.rewrite_package(w.own.bare, containing(w.foreign.role), by=w.by)),
    Named("catalog.rewriting.keep_draft", "package", RIGHT, "not_permitted",
          lambda w: rewriting.keep_draft(w.foreign.package, containing(), by=w.by)),
    Named("catalog.rewriting.keep_draft", "contents.roles.role_id", ITS_OWN, "not_in_catalog",
          lambda w: rewriting.keep_draft(w.own.bare, containing(w.foreign.role), by=w.by)),
    Named("catalog.rewriting.restore_as_draft", "package", RIGHT, "not_permitted",
          lambda w: rewriting.restore_as_draft(w.foreign.package, 1, by=w.by)),
    Named("catalog.rewriting.throw_away_draft", "package", RIGHT, "not_permitted",
          lambda w: rewriting.throw_away_draft(w.foreign.package, by=w.by)),
    Named("policies.drafts.restore_as_draft", "policy", RIGHT, "not_permitted",
          lambda w: drafts.restore_as_draft(w.foreign.policy, 1, by=w.by)),
    Named("policies.drafts.keep_draft", "policy", RIGHT, "not_permitted",
          lambda w: drafts.keep_draft(w.foreign.policy, OPEN_POLICY, by=w.by)),
    Named("policies.drafts.throw_away_draft", "policy", RIGHT, "not_permitted",
          lambda w: drafts.throw_away_draft(w.foreign.policy, by=w.by)),
    *(
        row
        for act, save in (
            ("operations.create_policy",
             lambda w, terms: policies.create_policy(w.own.package, terms, by=w.by)),
            ("operations.change_policy",
             lambda w, terms: policies.change_policy(
                 w.own.policy, replace(terms, name=w.own.policy.name), by=w.by)),
            ("drafts.keep_draft",
             lambda w, terms: drafts.keep_draft(
                 w.own.policy, replace(terms, name=w.own.policy.name), by=w.by)),
        )
        for row in (
            Named(f"policies.{act}", "terms.allowed_user_ids", ANYBODY,
                  "person_unknown", lambda w, save=save: save(
                      w, specific(allowed_user_ids=(w.program.pk,)))),
            Named(f"policies.{act}", "terms.allowed_user_ids", ANYBODY,
                  "person_unknown", lambda w, save=save: save(
                      w, specific(allowed_user_ids=(w.foreign.package.pk,)))),
            Named(f"policies.{act}", "terms.allowed_group_ids", ANY_GROUP,
                  "group_unknown", lambda w, save=save: save(
                      w, specific(allowed_group_ids=(w.foreign.catalog.pk,)))),
            Named(f"policies.{act}", "terms.stages.approvers.user_id", ANYBODY,
                  "person_unknown", lambda w, save=save: save(w, asking(user_id=w.gone.pk))),
            Named(f"policies.{act}", "terms.stages.approvers.group_id", ANY_GROUP,
                  "group_unknown", lambda w, save=save: save(w, asking(group_id=w.unknown))),
            Named(f"policies.{act}", "terms.callouts.extension_id",
                  "an extension of the same catalog", "extension_unknown",
                  lambda w, save=save: save(w, calling(w.foreign.extension))),
            Named(f"policies.{act}", "terms.stages.extension_id",
                  "an extension of the same catalog", "extension_unknown",
                  lambda w, save=save: save(w, asking_of(w.foreign.extension, w.boss))),
            Named(f"policies.{act}", "terms.allowed_organization_ids",
                  "any connected organization: its people get nothing without an approver",
                  "organization_unknown", lambda w, save=save: save(w, open_to(w.unknown, w.boss))),
            Named(f"policies.{act}", "terms.questions.key",
                  "the name of a question within its policy: it names nothing elsewhere", "",
                  None),
        )
    ),
    Named("policies.risk_operations.report_risk", "user", DIRECTORY, "administrators_only",
          lambda w: risk_operations.report_risk(
              w.foreign.person, "identity", 3, source="Me", by=w.by)),
    Named("policies.risk_operations.clear_risk", "user", DIRECTORY, "administrators_only",
          lambda w: risk_operations.clear_risk(w.foreign.person, "identity", by=w.by)),
]  # fmt: skip
IN_REQUESTS = [
    Named("requests.operations.submit", "policy", "a policy that admits whoever gets the access",
          "not_in_scope", lambda w: requests.submit(w.foreign.policy, by=w.by)),
    Named("requests.operations.submit", "target", "oneself and one's people", "not_your_people",
          lambda w: requests.submit(w.mine.policy, by=w.by, target=w.foreign.person)),
    Named("requests.on_behalf.ask_for_each", "policies",
          "a policy that admits whoever gets the access", "not_in_scope",
          lambda w: refused(on_behalf.ask_for_each(
              [w.foreign.policy], by=w.by, target=w.mine.report))),
    Named("requests.on_behalf.ask_for_each", "target", "oneself and one's people",
          "not_your_people", lambda w: refused(on_behalf.ask_for_each(
              [w.mine.policy], by=w.by, target=w.foreign.person))),
    Named("requests.operations.assign", "policy",
          f"{RIGHT}, of a package that one could give with all that comes with it",
          "not_permitted", lambda w: requests.assign(w.foreign.by_hand, w.by, by=w.by)),
    Named("requests.operations.assign", "target", ANYBODY, "service_account",
          lambda w: requests.assign(w.own.by_hand, w.program, by=w.by)),
    Named("requests.giving.plan", "policy",
          f"{RIGHT}, of a package that one could give with all that comes with it",
          "not_permitted",
          lambda w: giving.plan(w.foreign.by_hand, [Entry("x")], by=w.by, source="x")),
    Named("requests.giving.start", "bulk", "a list that one has made", "not_your_list",
          lambda w: giving.start(w.own.bulk, by=w.by)),
    Named("requests.giving.give_all", "bulk", RIGHT, "not_permitted",
          lambda w: giving.give_all(w.foreign.bulk, by=w.by)),
    Named("requests.giving.discard", "bulk", "a list that one has made", "list_stays",
          lambda w: giving.discard(w.foreign.bulk, by=w.by)),
    Named("requests.operations.extend", "assignment", CONCERNED, "not_holder",
          lambda w: requests.extend(w.foreign.assignment, by=w.by)),
    Named("requests.operations.give_back", "assignment", CONCERNED, "not_holder",
          lambda w: requests.give_back(w.foreign.assignment, by=w.by)),
    Named("requests.operations.prolong", "assignment", RIGHT, "not_permitted",
          lambda w: requests.prolong(w.foreign.assignment, by=w.by)),
    Named("requests.operations.remove", "assignment", RIGHT, "not_permitted",
          lambda w: requests.remove(w.foreign.assignment, by=w.by)),
    Named("requests.operations.revoke", "assignment", "what one has approved", "not_approver",
          lambda w: requests.revoke(w.foreign.assignment, by=w.by, justification="Because.")),
    Named("requests.operations.remove_on_behalf", "assignment", "what one's people hold",
          "not_your_people", lambda w: requests.remove_on_behalf(
              w.foreign.assignment, by=w.by, justification="Because.")),
    Named("requests.operations.cancel", "access_request", f"{CONCERNED}, or {RIGHT}",
          "not_permitted", lambda w: requests.cancel(w.foreign.waiting, by=w.by)),
    Named("requests.operations.resubmit", "access_request", "what one has asked for",
          "not_requestor", lambda w: requests.resubmit(w.denied, by=w.by)),
    Named("requests.operations.remind", "access_request", CONCERNED, "not_requestor",
          lambda w: requests.remind(w.foreign.waiting, by=w.by)),
    Named("requests.reapplying.apply_policy", "access_request", RIGHT, "not_permitted",
          lambda w: reapplying.apply_policy(w.foreign.waiting, by=w.by)),
    Named("requests.deciding.approve", "access_request", ASKED, "not_approver",
          lambda w: deciding.approve(w.foreign.waiting, by=w.by)),
    Named("requests.deciding.deny_request", "access_request", ASKED, "not_approver",
          lambda w: deciding.deny_request(w.own.waiting, by=w.by, justification="Because.")),
    Named("requests.deciding.decide_many", "access_requests", ASKED, "not_approver",
          lambda w: refused(deciding.decide_many([w.foreign.waiting], by=w.by, approves=True))),
    Named("requests.answers.correct", "access_request", ASKED, "not_approver",
          lambda w: answers.correct(w.foreign.waiting, "x", "y", by=w.by)),
    Named("requests.dialogue.ask", "access_request", ASKED, "not_approver",
          lambda w: dialogue.ask(w.foreign.waiting, "Why?", by=w.by)),
    Named("requests.dialogue.answer", "inquiry", CONCERNED, "not_requestor",
          lambda w: dialogue.answer(w.foreign.inquiry, "Because.", by=w.by)),
    Named("requests.handing_over.hand_over", "access_request", f"{ASKED}, or {RIGHT}",
          "not_approver", lambda w: hand_over(w.foreign.waiting, w.by, w.by)),
    Named("requests.handing_over.hand_over", "to", ANYBODY, "service_account",
          lambda w: hand_over(w.mine.asked_of, w.program, w.by)),
    Named("requests.handing_over.hand_over", "giver", "who is asked there", "not_asked",
          lambda w: hand_over(w.own.waiting, w.mine.report, w.by, w.foreign.approver)),
    Named("requests.standing_in.delegate", "to", ANYBODY, "service_account",
          lambda w: standing_in.delegate(w.program, by=w.by)),
    Named("requests.standing_in.delegate", "catalog",
          "any: whoever stands in gets no turns but those of the one who names him", "", None),
    Named("requests.standing_in.end_delegation", "delegation", CONCERNED, "not_yours",
          lambda w: standing_in.end_delegation(w.foreign.delegation, by=w.by)),
    Named("requests.callbacks.resume_by_hand", "callout", RIGHT, "not_permitted",
          lambda w: callbacks.resume_by_hand(w.foreign.callout, by=w.by)),
    Named("requests.clash_exceptions.propose", "package", RIGHT, "not_permitted",
          lambda w: exception(w, w.foreign.package, w.foreign.bare, w.own.person)),
    Named("requests.clash_exceptions.propose", "other", "what the package clashes with",
          "no_clash", lambda w: exception(w, w.own.package, w.foreign.package, w.own.person)),
    Named("requests.clash_exceptions.propose", "person", ANYBODY, "service_account",
          lambda w: exception(w, w.own.package, w.own.bare, w.program)),
    Named("requests.clash_exceptions.decide", "exception", "what concerns a catalog of one's own",
          "not_permitted",
          lambda w: clash_exceptions.decide(w.foreign.exception, by=w.by, approves=True)),
    Named("requests.clash_exceptions.end_early", "exception", RIGHT, "not_permitted",
          lambda w: clash_exceptions.end_early(w.foreign.exception, by=w.by)),
    Named("requests.callbacks.resume_by_hand", "terms.extension_id",
          "nothing: an answer names people, and no other extension", "", None),
    *(
        Named("requests.callbacks.resume_by_hand", f"terms.approvers.{parameter}",
              "anybody, but for one's own request: whoever decides gets nothing by it", "", None)
        for parameter in ("user_id", "group_id")
    ),
    Named("requests.correcting.correct_own", "assignment", CONCERNED, "not_holder",
          lambda w: correcting.correct_own(w.foreign.assignment, {}, by=w.by)),
    Named("requests.correcting.correct_for", "assignment", RIGHT, "not_permitted",
          lambda w: correcting.correct_for(w.foreign.assignment, {}, by=w.by)),
    Named("requests.inviting.invite", "policy", RIGHT, "not_permitted",
          lambda w: inviting.invite(w.foreign.by_hand, "x@blueharbour.example", by=w.by)),
    Named("requests.records.delete_record", "access_request",
          "any that is completed; administrators of both kinds alone", "administrators_only",
          lambda w: records.delete_record(w.own.failed, by=w.by, justification="Because.")),
    Named("delivery.taking_over.prepare", "policy", RIGHT, "not_permitted",
          lambda w: taking_over.prepare(w.foreign.role, w.foreign.by_hand, by=w.by)),
    Named("delivery.taking_over.prepare", "role", "what the package contains",
          "role_not_in_package",
          lambda w: taking_over.prepare(w.foreign.role, w.own.by_hand, by=w.by)),
    Named("delivery.taking_over.prepare", "chosen",
          "whoever holds the role unexplained; a row for anybody else is not given", "", None),
    Named("delivery.acting.perform", "thing", RIGHT, "not_permitted",
          lambda w: acting.perform("end", w.foreign.assignment, Wanted(), by=w.by)),
    Named("delivery.acting.plan", "chosen", "what one sees in a list; the rest is left out",
          "nothing_chosen",
          lambda w: acting.plan("end", [w.foreign.assignment.pk], by=w.by, source="x")),
    *(
        Named(f"delivery.acting.{act.__name__}", "act", "a list that one has made", code, attempt)
        for act, code, attempt in (
            (acting.start, "not_your_list", lambda w: acting.start(w.own.act, Wanted(), by=w.by)),
            (acting.stop, "not_your_list", lambda w: acting.stop(w.own.act, by=w.by)),
            (acting.discard, "list_stays", lambda w: acting.discard(w.own.act, by=w.by)),
        )
    ),
    Named("delivery.operations.reprocess", "access_request", RIGHT, "not_permitted",
          lambda w: delivery.reprocess(w.foreign.failed, by=w.by)),
    Named("delivery.operations.reprocess_assignment", "assignment", RIGHT, "not_permitted",
          lambda w: delivery.reprocess_assignment(w.foreign.assignment, by=w.by)),
]  # fmt: skip
IN_DIRECTORY = [
    Named("directory.operations.rename_group", "group", DIRECTORY, "administrators_only",
          lambda w: directory.rename_group(w.own.group, "New", by=w.by)),
    *(
        Named(f"directory.operations.{act.__name__}", parameter, DIRECTORY, "administrators_only",
              lambda w, act=act: act(w.own.group, w.foreign.group, by=w.by))
        for act in (directory.nest, directory.unnest)
        for parameter in ("parent", "child")
    ),
    *(
        Named("directory.operations.set_manager", parameter, DIRECTORY, "administrators_only",
              lambda w: directory.set_manager(w.own.person, w.by, by=w.by))
        for parameter in ("person", "manager")
    ),
    *(
        Named(f"directory.operations.{act.__name__}", "person", DIRECTORY, "administrators_only",
              lambda w, act=act: act(w.program, by=w.by))
        for act in (directory.disable, directory.enable)
    ),
    Named("directory.preferences.choose", "person", CONCERNED, "not_yours",
          lambda w: preferences.choose(w.own.person, by=w.by, theme="dark")),
    *(
        Named(f"directory.appointing.{act.__name__}", "holder",
              "administrators appoint to each role, governance administrators to those below",
              "not_appointer", lambda w, act=act: act(w.by, "auditor", by=w.by))
        for act in (appointing.give_tenant_role, appointing.take_tenant_role)
    ),
    Named("connectors.checking.check_connection", "system", DIRECTORY, "administrators_only",
          lambda w: checking.check_connection(w.own.system, by=w.by)),
]  # fmt: skip
IN_IMPORTS = [
    *(
        Named(f"imports.operations.{act.__name__}", "catalog", RIGHT, "not_permitted", attempt)
        for act, attempt in (
            (imports.check, lambda w: imports.check(
                w.foreign.catalog, NO_ROLES, Options(), by=w.by, source="x")),
            (imports.try_out, lambda w: imports.try_out(
                w.foreign.catalog, NO_ROLES, Options(), by=w.by)),
        )
    ),
    Named("imports.operations.carry_out", "role_import", "an import that one has made",
          "not_your_import", lambda w: imports.carry_out(w.own.role_import, by=w.by)),
    Named("imports.operations.discard", "role_import", "an import that one has made",
          "import_stays", lambda w: imports.discard(w.own.role_import, by=w.by)),
]  # fmt: skip
PARTNERS = "those who run connected organizations, and administrators"
REFUSED = "not_organization_administrator"
IN_ORGANIZATIONS = [
    *(
        Named(f"directory.organizations.operations.{act}", parameter, PARTNERS, REFUSED, attempt)
        for act, parameters, attempt in (
            ("change_organization", ("organization",), lambda w: organizations.change_organization(
                w.partner, OrganizationTerms("New", "", ("new.example",)), by=w.by)),
            ("promote", ("organization",),
             lambda w: organizations.promote(w.partner, by=w.by)),
            ("delete_organization", ("organization",),
             lambda w: organizations.delete_organization(w.partner, by=w.by)),
            ("add_sponsor", ("organization", "person"), lambda w: organizations.add_sponsor(
                w.partner, w.by, SponsorKind.INTERNAL, by=w.by)),
            ("remove_sponsor", ("organization", "person"), lambda w: organizations.remove_sponsor(
                w.partner, w.boss, SponsorKind.INTERNAL, by=w.by)),
        )
        for parameter in parameters
    ),
]  # fmt: skip
NAMED = [
    *IN_CATALOGS, *IN_POLICIES, *IN_REQUESTS, *IN_DIRECTORY, *IN_IMPORTS, *IN_ORGANIZATIONS,
]  # fmt: skip
OF_THE_SYSTEM = {
    # Within the transaction of others, who have asked; or by the command line alone
    "assignments.operations", "audit.trail", "requests.flow", "directory.sync.operations",
    "requests.operations.give", "requests.telling",
    "requests.giving.write_down", "requests.giving.set_going", "policies.operations.new_policy",
    "catalog.packages.new_package", "catalog.packages.put_role", "catalog.packages.move",
    "catalog.packages.write_words", "catalog.packages.take_role", "catalog.packages.locked",
    "policies.operations.may_change", "policies.clashes.keep_apart",
    "policies.clashes.require_first",
    "catalog.package_versions.keep_first_version", "catalog.package_versions.version_kept",
    "requests.operations.let_keep", "requests.operations.take", "requests.operations.withdraw",
    "requests.records.forget", "delivery.operations.try_again", "delivery.operations.set_up_again",
    "imports.building", "directory.organizations.guests", "audit.exports",
    # Questions, and no acts
    "requests.clash_exceptions.can_decide", "directory.operations.can_administer",
    "requests.giving.can_plan", "requests.row_by_row.can_begin", "requests.row_by_row.can_drop",
    "delivery.acting.can_act",
}  # fmt: skip
