"""A real LDAP server on this machine, made and thrown away by the test that asks for it."""

import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import ldap3
import pytest

from entitlements.models import ConnectedSystem
from tests.certificates import Authority
from tests.programs import program

HERE = Path(__file__).parent
SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema", "/opt/homebrew/etc/openldap/schema")
MODULES = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap")

CONFIGURATION = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
include {here}/active_directory.schema
{modules}
{encryption}
database mdb
maxsize 104857600
suffix "dc=example,dc=test"
rootdn "cn=admin,dc=example,dc=test"
rootpw {password}
directory {directory}/db
limits dn.exact="cn=reader,dc=example,dc=test" size=50
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

ENCRYPTION = """
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
TLSVerifyClient never
"""

BASE_ENTRIES = """dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: Kestrel

dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=test
objectClass: organizationalUnit
ou: groups

dn: cn=reader,dc=example,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-secret
"""


DEPARTMENTS = ("Finance", "Sales", "Engineering", "Legal", "Support", "Operations")


def company(people=300):
    """LDIF of people whom p0 leads, of a group for each department, and of one for them all."""
    base = "dc=example,dc=test"
    dns = [f"uid=p{number},ou=people,{base}" for number in range(people)]
    entries = []
    for number, dn in enumerate(dns):
        department = DEPARTMENTS[number % len(DEPARTMENTS)]
        manager = f"manager: {dns[(number - 1) // 7]}\n" if number else ""
        entries.append(
            f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: p{number}\ncn: Person {number}\n"
            f"sn: {number}\ngivenName: Person\nmail: p{number}@kestrel.example\n"
            f"ou: {department}\ntitle: Clerk\nemployeeNumber: {number}\nl: Rome\n{manager}"
        )
    for index, department in enumerate(DEPARTMENTS):
        members = "".join(f"member: {dn}\n" for dn in dns[index :: len(DEPARTMENTS)])
        entries.append(
            f"dn: cn={department},ou=groups,{base}\nobjectClass: groupOfNames\n"
            f"cn: {department}\nowner: {dns[index]}\n{members}"
        )
    members = "".join(f"member: cn={name},ou=groups,{base}\n" for name in DEPARTMENTS)
    entries.append(
        f"dn: cn=Staff,ou=groups,{base}\nobjectClass: groupOfNames\ncn: Staff\n{members}"
    )
    return "\n".join(entries)


class LdapServer:
    """An OpenLDAP server in a directory of its own; `stop` and `start` keep its entries."""

    base_dn = "dc=example,dc=test"
    people_dn = f"ou=people,{base_dn}"
    groups_dn = f"ou=groups,{base_dn}"
    admin_dn = f"cn=admin,{base_dn}"
    password = "admin-secret"
    reader_dn = f"cn=reader,{base_dn}"
    reader_password = "reader-secret"

    def __init__(self, directory, *, entries="", names=("127.0.0.1", "localhost"), offers_tls=True):
        self.directory = Path(directory)
        self.authority = Authority()
        self.offers_tls = offers_tls
        self.port, self.tls_port = _free_port(), _free_port()
        self._process = None
        self._configure(names)
        self.load(BASE_ENTRIES + "\n" + entries)

    @property
    def url(self):
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ldaps_url(self):
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def _addresses(self):
        return f"{self.url} {self.ldaps_url}" if self.offers_tls else self.url

    @property
    def settings(self):
        """Settings of a connected system that reads and changes this server as its admin."""
        return {"url": self.url, "bind_dn": self.admin_dn, "base_dn": self.base_dn}

    def load(self, entries):
        """Add LDIF text directly to the database of the stopped server."""
        self._tool("slapadd", "-q", "-f", self._conf, stdin=entries)

    def start(self):
        """Start, and return once connections are accepted."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("slapd"), "-f", self._conf, "-h", self._addresses, "-d", "0"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not _accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("slapd did not start: " + (self.directory / "log").read_text())
            time.sleep(0.01)

    def stop(self):
        """Stop, and return once it has ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def add(self, dn, object_class, **attributes):
        """Add one entry; values may be text, bytes or lists, and empty ones are left out."""
        given = {name: value for name, value in attributes.items() if value not in ("", None, [])}
        with self._connection() as connection:
            connection.add(dn, object_class, given)
        return dn

    def add_person(self, uid, *, object_class="inetOrgPerson", **attributes):
        """Add somebody and return his DN; name and address follow from `uid` when not given."""
        given = {"cn": uid.title(), "sn": uid.title(), "mail": f"{uid}@kestrel.example"}
        return self.add(
            f"uid={uid},{self.people_dn}", object_class, uid=uid, **{**given, **attributes}
        )

    def add_group(self, cn, members=(), object_class="groupOfNames", **attributes):
        """Add a group with these members' DNs and return its DN; alone, it contains itself."""
        dn = f"cn={cn},{self.groups_dn}"
        members = list(members)
        if object_class == "groupOfUniqueNames":
            return self.add(dn, object_class, uniqueMember=members or [dn], **attributes)
        if object_class == "groupOfNames":
            members = members or [dn]
        return self.add(dn, object_class, member=members, **attributes)

    def change(self, dn, **attributes):
        """Set attributes of an entry; an empty list removes one."""
        changes = {
            name: [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
            for name, value in attributes.items()
        }
        with self._connection() as connection:
            connection.modify(dn, changes)

    def rename(self, dn, relative_dn):
        """Give an entry another name beside its present one; return the new DN."""
        with self._connection() as connection:
            connection.modify_dn(dn, relative_dn)
        return f"{relative_dn},{dn.partition(',')[2]}"

    def delete(self, dn):
        with self._connection() as connection:
            connection.delete(dn)

    def members(self, dn):
        """Return the DNs in a group as the database holds them, read by OpenLDAP's own tool."""
        dump = self._tool("slapcat", "-f", self._conf).replace("\n ", "")
        entry = next(entry for entry in dump.split("\n\n") if entry.startswith(f"dn: {dn}\n"))
        return re.findall(r"^(?:member|uniqueMember): (.+)$", entry, re.MULTILINE)

    @property
    def _conf(self):
        return str(self.directory / "slapd.conf")

    @contextmanager
    def _connection(self):
        server = ldap3.Server(self.url, get_info=ldap3.NONE)
        connection = ldap3.Connection(
            server, self.admin_dn, self.password, raise_exceptions=True, check_names=False
        )
        connection.bind()
        yield connection
        connection.unbind()

    def _configure(self, names):
        (self.directory / "db").mkdir(parents=True)
        certificate, key = self.authority.issue(*names)
        (self.directory / "ca.pem").write_text(self.authority.pem)
        (self.directory / "server.pem").write_text(certificate)
        (self.directory / "server.key").write_text(key)
        schema = next(path for path in SCHEMAS if Path(path).is_dir())
        modules = next((path for path in MODULES if list(Path(path).glob("back_mdb*"))), "")
        Path(self._conf).write_text(
            CONFIGURATION.format(
                schema=schema,
                here=HERE,
                modules=f"modulepath {modules}\nmoduleload back_mdb" if modules else "",
                encryption=ENCRYPTION.format(directory=self.directory) if self.offers_tls else "",
                directory=self.directory,
                password=self.password,
            )
        )

    def _tool(self, name, *arguments, stdin=""):
        command = [program(name, package="slapd"), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr}")
        return done.stdout


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _accepts(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def make_ldap_server(tmp_path_factory):
    """Make and start servers; `entries` is LDIF text, `names` are those in the certificate."""
    program("slapd")
    servers = []

    def make(**options):
        server = LdapServer(tmp_path_factory.mktemp("ldap"), **options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture
def ldap_server(make_ldap_server):
    """A running LDAP server with two empty branches, for people and for groups."""
    return make_ldap_server()


@pytest.fixture
def ldap_system(db, ldap_server):
    """That server as a connected system of the portal."""
    return connected_system(ldap_server)


def connected_system(server, **settings):
    """Make a connected system for a server; settings of its own may be given."""
    number = ConnectedSystem.objects.filter(kind="ldap").count() + 1
    system = ConnectedSystem(
        name=f"Company LDAP {number}", kind="ldap", settings={**server.settings, **settings}
    )
    system.secret = server.password
    system.save()
    return system
