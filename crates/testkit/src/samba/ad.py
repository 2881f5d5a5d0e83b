"""What is done to a Samba AD DC from the inside, with Samba's own Python bindings.

    ad.py prepare SMB_CONF < settings    once, offline: schema, service account, rights, policies
    ad.py load SMB_CONF < population     once, offline: many users and groups in one transaction
    ad.py offline SMB_CONF < operations  offline: what a running controller would not allow
    ad.py serve SMB_CONF                 online, over the controller's private socket: operations

Operations are lines of JSON; each is answered by one line: {"ok": ...} or {"error": "..."}.
"""

import base64
import json
import os
import sys
import time
import urllib.parse

import ldb
from samba import drs_utils
from samba.auth import system_session
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.dcerpc import drsuapi, misc

# How the running controller was reached.
ONLINE = []
BYPASS_HASH = "local_oid:1.3.6.1.4.1.7165.4.3.12:0"


def load_parm(conf):
    lp = LoadParm()
    lp.load(conf)
    return lp


def open_offline(conf, **kwargs):
    lp = load_parm(conf)
    lp.set("dsdb:schema update allowed", "yes")
    url = os.path.join(lp.get("private dir"), "sam.ldb")
    return SamDB(url=url, session_info=system_session(), lp=lp, **kwargs), lp


def open_online(conf):
    lp = load_parm(conf)
    path = os.path.join(lp.get("private dir"), "ldap_priv", "ldapi")
    url = "ldapi://" + urllib.parse.quote(path, safe="")
    creds = Credentials()
    creds.guess(lp)
    creds.set_domain(lp.get("workgroup"))
    creds.set_username("Administrator")
    creds.set_password(os.environ["AD_PASSWORD"])
    creds.set_kerberos_state(DONT_USE_KERBEROS)
    ONLINE[:] = [lp, creds]
    for _ in range(200):
        try:
            return SamDB(url=url, lp=lp, credentials=creds)
        except ldb.LdbError:
            time.sleep(0.05)
    return SamDB(url=url, lp=lp, credentials=creds)


# --- once, offline -------------------------------------------------------------------------------

EXCHANGE = (
    [("mailNickname", "2.5.5.12", 64), ("targetAddress", "2.5.5.12", 64)]
    + [("extensionAttribute%d" % n, "2.5.5.12", 64) for n in range(1, 16)]
    + [
        ("msExchHideFromAddressLists", "2.5.5.8", 1),
        ("msExchRecipientTypeDetails", "2.5.5.16", 65),
        ("msExchRecipientDisplayType", "2.5.5.9", 2),
    ]
)


def add_exchange_schema(sam, lp):
    """The attributes that the mail system's schema extension brings, on users, groups and contacts."""
    schema = str(sam.get_schema_basedn())
    for number, (name, syntax, om) in enumerate(EXCHANGE):
        cn = "ms-Exch-" + name
        sam.add(
            {
                "dn": "CN=%s,%s" % (cn, schema),
                "objectClass": ["top", "attributeSchema"],
                "cn": cn,
                "lDAPDisplayName": name,
                "attributeID": "1.2.840.113556.1.4.7000.999.%d" % (100 + number),
                "attributeSyntax": syntax,
                "oMSyntax": str(om),
                "isSingleValued": "TRUE",
                "searchFlags": "0",
            },
            ["relax:0"],
        )
    sam.set_schema_update_now()
    for cls in ["User", "Group", "Contact"]:
        msg = ldb.Message(ldb.Dn(sam, "CN=%s,%s" % (cls, schema)))
        names = [name for name, _, _ in EXCHANGE]
        msg["mayContain"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "mayContain")
        sam.modify(msg, ["relax:0"])
    sam.set_schema_update_now()


def add_ace(sam, dn, ace, show_deleted=False):
    controls = ["sd_flags:1:4"] + (["show_deleted:1"] if show_deleted else [])
    found = sam.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)
    sd = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
    sid = security.dom_sid(sam.get_domain_sid())
    sddl = sd.as_sddl(sid)
    start = sddl.index("D:")
    opening = sddl.index("(", start)
    sddl = sddl[:opening] + ace + sddl[opening:]
    change_sd(sam, dn, sddl, controls)


def remove_ace(sam, dn, ace, show_deleted=False):
    controls = ["sd_flags:1:4"] + (["show_deleted:1"] if show_deleted else [])
    found = sam.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)
    sd = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
    sddl = sd.as_sddl(security.dom_sid(sam.get_domain_sid()))
    if ace not in sddl:
        raise ValueError("%s is not in %s" % (ace, sddl))
    change_sd(sam, dn, sddl.replace(ace, ""), controls)


def change_sd(sam, dn, sddl, controls):
    sd = security.descriptor.from_sddl(sddl, security.dom_sid(sam.get_domain_sid()))
    msg = ldb.Message(ldb.Dn(sam, dn))
    msg["nTSecurityDescriptor"] = ldb.MessageElement(
        ndr_pack(sd), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor"
    )
    sam.modify(msg, controls)


def prepare(conf):
    settings = json.load(sys.stdin)
    sam, lp = open_offline(conf)
    base = str(sam.domain_dn())
    if settings["exchange"]:
        add_exchange_schema(sam, lp)
        sam, lp = open_offline(conf)
    msg = ldb.Message(ldb.Dn(sam, base))
    for name, value in [("pwdProperties", "0"), ("minPwdAge", "0"), ("minPwdLength", "1"), ("maxPwdAge", "-9223372036854775808")]:
        msg[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    sam.modify(msg)
    account = settings["account"]
    sam.newuser(account, settings["password"])
    sid = op_sid(sam, {"account": account})
    add_ace(sam, base, "(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;%s)" % sid)
    add_ace(sam, base, "(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;%s)" % sid)
    add_ace(sam, "CN=Deleted Objects," + base, "(A;;LCRP;;;%s)" % sid, show_deleted=True)
    print(json.dumps({"sid": sid}))


def md4(text):
    """MD4 (RFC 1320), which a present-day OpenSSL may refuse to compute."""
    data = text.encode("utf-16-le")
    length = len(data) * 8
    data += b"\x80" + b"\0" * ((55 - len(data)) % 64) + length.to_bytes(8, "little")
    a, b, c, d = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476
    mask = 0xFFFFFFFF

    def turn(value, count):
        value &= mask
        return (value << count | value >> (32 - count)) & mask

    for start in range(0, len(data), 64):
        x = [int.from_bytes(data[start + 4 * i : start + 4 * i + 4], "little") for i in range(16)]
        aa, bb, cc, dd = a, b, c, d
        for i in range(0, 16, 4):
            a = turn(a + (b & c | ~b & d) + x[i], 3)
            d = turn(d + (a & b | ~a & c) + x[i + 1], 7)
            c = turn(c + (d & a | ~d & b) + x[i + 2], 11)
            b = turn(b + (c & d | ~c & a) + x[i + 3], 19)
        for i in range(4):
            k = 0x5A827999
            a = turn(a + (b & c | b & d | c & d) + x[i] + k, 3)
            d = turn(d + (a & b | a & c | b & c) + x[i + 4] + k, 5)
            c = turn(c + (d & a | d & b | a & b) + x[i + 8] + k, 9)
            b = turn(b + (c & d | c & a | d & a) + x[i + 12] + k, 13)
        for i in (0, 2, 1, 3):
            k = 0x6ED9EBA1
            a = turn(a + (b ^ c ^ d) + x[i] + k, 3)
            d = turn(d + (a ^ b ^ c) + x[i + 8] + k, 9)
            c = turn(c + (d ^ a ^ b) + x[i + 4] + k, 11)
            b = turn(b + (c ^ d ^ a) + x[i + 12] + k, 15)
        a, b, c, d = (a + aa) & mask, (b + bb) & mask, (c + cc) & mask, (d + dd) & mask
    return b"".join(v.to_bytes(4, "little") for v in (a, b, c, d))


HARD_NAMES = [
    "Comma, Inc.",
    'Quote "Q" Quentin',
    "Zoë Müller-Ångström",
    "Emoji \U0001f98a Fox",
    " Leading Space",
    "Plus+Equals=Semi;Angle<>",
    "Back\\slash #hash",
    "X" * 64,
]
DEPARTMENTS = ["Engines", "Looms", "Letters", "Numbers", "Stars"]


def load(conf):
    """Users with real passwords, groups and organizational units, written without being asked one by one."""
    wish = json.load(sys.stdin)
    sam, lp = open_offline(conf)
    base = str(sam.domain_dn())
    domain_sid = sam.get_domain_sid()
    realm = lp.get("realm").lower()
    rid = 200000
    now = str(int(time.time() * 10000000) + 116444736000000000)
    controls = [BYPASS_HASH, "relax:0", "bypassoperational:0", "provision:0"]
    sam.transaction_start()
    units = []
    for n in range(wish["ous"]):
        parent = base if n < 2 or n % 3 else units[n // 3]
        dn = "OU=Unit%03d,%s" % (n, parent)
        sam.add({"dn": dn, "objectClass": "organizationalUnit", "description": "Unit %d" % n})
        units.append(dn)
    units = units or ["CN=Users," + base]
    users = []
    for n in range(wish["users"]):
        name = "User %06d" % n
        if wish["hard_names"] and n < len(HARD_NAMES):
            name = HARD_NAMES[n]
        account = "user%06d" % n
        dn = ldb.Dn(sam, units[n % len(units)])
        dn.add_child("CN=X")
        dn.set_component(0, "CN", name)
        entry = {
            "dn": dn,
            "objectClass": ["top", "person", "organizationalPerson", "user"],
            "sAMAccountName": account,
            "userPrincipalName": "%s@%s" % (account, realm),
            "displayName": name.strip(),
            "givenName": "Given%d" % n,
            "sn": "Family%d" % n,
            "mail": "%s@%s" % (account, realm),
            "department": DEPARTMENTS[n % len(DEPARTMENTS)],
            "title": "Title %d" % (n % 17),
            "company": "Analytical Engines Ltd",
            "l": "City %d" % (n % 50),
            "st": "State %d" % (n % 11),
            "postalCode": "%05d" % (n % 100000),
            "streetAddress": "%d Example Street" % n,
            "telephoneNumber": "+1 555 %07d" % n,
            "physicalDeliveryOfficeName": "Room %d" % (n % 300),
            "employeeID": "E%06d" % n,
            "proxyAddresses": ["SMTP:%s@%s" % (account, realm), "smtp:alias%06d@%s" % (n, realm)],
            "userAccountControl": "512",
            "objectSid": ndr_pack(security.dom_sid("%s-%d" % (domain_sid, rid + n))),
            "unicodePwd": md4(wish["passwords"][n]),
            "pwdLastSet": now,
        }
        if n % 10:
            entry["manager"] = str(users[n - n % 10])
        sam.add(entry, controls)
        users.append(dn)
    rid += wish["users"]
    for n in range(wish["groups"]):
        count = wish["largest_group"] if n == 0 else wish["members"]
        step = max(1, len(users) // max(1, count))
        members = [str(users[(n * 7 + i * (1 if n == 0 else step)) % len(users)]) for i in range(min(count, len(users)))] if users else []
        entry = {
            "dn": "CN=Group %05d,%s" % (n, units[n % len(units)]),
            "objectClass": ["top", "group"],
            "sAMAccountName": "group%05d" % n,
            "description": "Group number %d" % n,
            "groupType": str(-2147483646),
            "objectSid": ndr_pack(security.dom_sid("%s-%d" % (domain_sid, rid + n))),
        }
        if members:
            entry["member"] = sorted(set(members))
        sam.add(entry, controls)
    sam.transaction_commit()
    print(json.dumps({"users": len(users), "groups": wish["groups"]}))


# --- operations ----------------------------------------------------------------------------------


def values(given):
    listed = given if isinstance(given, list) else [given]
    return [base64.b64decode(v["b64"]) if isinstance(v, dict) else str(v) for v in listed]


def op_add(sam, op):
    entry = {"dn": op["dn"]}
    for name, given in op["attributes"].items():
        entry[name] = values(given)
    if "password" in op:
        entry["clearTextPassword"] = op["password"].encode("utf-16-le")
    sam.add(entry)


def op_modify(sam, op):
    msg = ldb.Message(ldb.Dn(sam, op["dn"]))
    kinds = {"add": ldb.FLAG_MOD_ADD, "replace": ldb.FLAG_MOD_REPLACE, "delete": ldb.FLAG_MOD_DELETE}
    for n, change in enumerate(op["changes"]):
        element = ldb.MessageElement(values(change.get("values", [])), kinds[change["kind"]], change["attribute"])
        msg["%d" % n] = element
    sam.modify(msg, op.get("controls", []))


def op_rename(sam, op):
    sam.rename(op["dn"], op["to"])


def op_delete(sam, op):
    sam.delete(op["dn"], ["tree_delete:1"] if op.get("tree") else [])


def op_undelete(sam, op):
    found = sam.search(
        base=str(sam.domain_dn()), expression="(objectGUID=%s)" % op["guid"],
        attrs=["lastKnownParent"], controls=["show_deleted:1"],
    )
    msg = ldb.Message(found[0].dn)
    msg["isDeleted"] = ldb.MessageElement([], ldb.FLAG_MOD_DELETE, "isDeleted")
    msg["distinguishedName"] = ldb.MessageElement([op["to"]], ldb.FLAG_MOD_REPLACE, "distinguishedName")
    sam.modify(msg, ["show_deleted:1"])


def op_password(sam, op):
    sam.setpassword("(distinguishedName=%s)" % ldb.binary_encode(op["dn"]), op["password"])


def op_search(sam, op):
    found = sam.search(
        base=op.get("base", str(sam.domain_dn())),
        scope={"base": ldb.SCOPE_BASE, "subtree": ldb.SCOPE_SUBTREE}[op.get("scope", "subtree")],
        expression=op.get("filter", "(objectClass=*)"),
        attrs=op.get("attributes", ["*"]),
        controls=op.get("controls", []),
    )
    shown = []
    for msg in found:
        entry = {"dn": str(msg.dn)}
        for name in msg.keys():
            if name == "dn":
                continue
            if name.lower() == "objectguid":
                entry[name] = [str(misc.GUID(msg[name][0]))]
                continue
            listed = []
            for value in msg[name]:
                try:
                    listed.append(bytes(value).decode("utf-8"))
                except UnicodeDecodeError:
                    listed.append({"b64": base64.b64encode(bytes(value)).decode()})
            entry[name] = listed
        shown.append(entry)
    return shown


def op_grant(sam, op):
    add_ace(sam, op["dn"], op["ace"], op.get("show_deleted", False))


def op_revoke(sam, op):
    remove_ace(sam, op["dn"], op["ace"], op.get("show_deleted", False))


def op_sid(sam, op):
    found = sam.search(
        base=str(sam.domain_dn()), expression="(sAMAccountName=%s)" % op["account"], attrs=["objectSid"]
    )
    return str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))


def op_purge(sam, op):
    """Collects one tombstone, as the garbage collector does when its time has come."""
    found = sam.search(
        base=str(sam.domain_dn()), expression="(objectGUID=%s)" % op["guid"], attrs=[],
        controls=["show_deleted:1", "show_recycled:1"],
    )
    sam.delete(found[0].dn, ["relax:0", "show_deleted:1", "show_recycled:1"])


def op_invocation_id(sam, op):
    """A database that was brought back from a backup in the proper way has a new invocation id."""
    import uuid

    msg = ldb.Message(ldb.Dn(sam, sam.get_dsServiceName()))
    value = ndr_pack(misc.GUID(str(uuid.uuid4())))
    msg["invocationId"] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, "invocationId")
    sam.modify(msg, ["relax:0", "provision:0"])


def op_dsa(sam, op):
    """The GUID under which this controller replicates."""
    return str(sam.get_ntds_GUID())


def op_name_for_replication(sam, op):
    """Names that others look for when they replicate from here; Samba's own updater would take its time."""
    name, realm, guid = sam.host_dns_name(), str(sam.domain_dns_name()), sam.get_ntds_GUID()
    found = sam.search(
        base=str(sam.domain_dn()), expression="(dNSHostName=%s)" % ldb.binary_encode(name), attrs=[]
    )
    msg = ldb.Message(found[0].dn)
    names = [
        "E3514235-4B06-11D1-AB04-00C04FC2DCD2/%s/%s" % (guid, realm),
        "ldap/%s._msdcs.%s" % (guid, realm),
        "ldap/" + name,
        "GC/%s/%s" % (name, realm),
    ]
    msg["servicePrincipalName"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "servicePrincipalName")
    sam.modify(msg)


def op_replicate(sam, op):
    """Pulls what another controller has. One that was restarted is reached on a connection of its own."""
    lp, creds = ONLINE
    bind, handle, _ = drs_utils.drsuapi_connect(op["address"], lp, creds)
    for attempt in range(20):
        try:
            return drs_utils.sendDsReplicaSync(
                bind, handle, op["from"], str(sam.domain_dn()), drsuapi.DRSUAPI_DRS_WRIT_REP
            )
        except drs_utils.drsException:
            if attempt == 19:
                raise
            time.sleep(0.1)


def op_batch(sam, op):
    for one in op["operations"]:
        OPERATIONS[one["op"]](sam, one)


OPERATIONS = {name[3:]: function for name, function in list(globals().items()) if name.startswith("op_")}


def serve(sam):
    for line in sys.stdin:
        try:
            op = json.loads(line)
            answer = {"ok": OPERATIONS[op["op"]](sam, op)}
        except Exception as error:  # whatever it is, the caller is told
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), flush=True)


def main():
    verb, conf = sys.argv[1:3]
    if verb == "prepare":
        prepare(conf)
    elif verb == "load":
        load(conf)
    elif verb == "offline":
        serve(open_offline(conf)[0])
    elif verb == "serve":
        serve(open_online(conf))
    else:
        sys.exit("unknown: " + verb)


main()
