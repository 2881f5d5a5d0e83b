"""Password hashes of a whole domain by Samba's own replication client, as its tools use it.

    whole_domain.py SMB_CONF ADDRESS DOMAIN BASE ACCOUNT < lines

The password is in the environment. Asks for the same attributes as the agent, in pages of the same size, and
decrypts every hash. Then, for each line, what has changed since. Each pull is told by one line of JSON.
"""

import json
import os
import sys
import time

from samba import drs_utils
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import drsuapi, misc
from samba.net import Net
from samba.param import LoadParm

ATTRIBUTES = [
    drsuapi.DRSUAPI_ATTID_isDeleted,
    drsuapi.DRSUAPI_ATTID_userAccountControl,
    drsuapi.DRSUAPI_ATTID_unicodePwd,
    drsuapi.DRSUAPI_ATTID_pwdLastSet,
    drsuapi.DRSUAPI_ATTID_accountExpires,
]


def first_request(base):
    name = drsuapi.DsReplicaObjectIdentifier()
    name.dn = base
    wanted = drsuapi.DsPartialAttributeSet()
    wanted.version = 1
    wanted.attids = ATTRIBUTES
    wanted.num_attids = len(ATTRIBUTES)
    prefixes = drsuapi.DsReplicaOIDMapping_Ctr()
    prefixes.num_mappings = 0
    prefixes.mappings = None
    request = drsuapi.DsGetNCChangesRequest8()
    request.destination_dsa_guid = misc.GUID("e24d201a-4fd6-11d1-a3da-0000f875ae0d")
    request.source_dsa_invocation_id = misc.GUID()
    request.naming_context = name
    request.highwatermark = drsuapi.DsReplicaHighWaterMark()
    request.uptodateness_vector = None
    request.replica_flags = drsuapi.DRSUAPI_DRS_INIT_SYNC | drsuapi.DRSUAPI_DRS_WRIT_REP
    request.max_object_count = 1000
    request.max_ndr_size = 4 << 20
    request.extended_op = drsuapi.DRSUAPI_EXOP_NONE
    request.fsmo_info = 0
    request.partial_attribute_set = wanted
    request.partial_attribute_set_ex = None
    request.mapping_ctr = prefixes
    return request


def pull(net, bind, handle, request):
    hashes = 0
    begun = time.monotonic()
    while True:
        _, page = bind.DsGetNCChanges(handle, 8, request)
        item = page.first_object
        while item is not None:
            sid = item.object.identifier.sid
            for attribute in item.object.attribute_ctr.attributes:
                if attribute.attid != drsuapi.DRSUAPI_ATTID_unicodePwd:
                    continue
                if attribute.value_ctr.num_values:
                    net.replicate_decrypt(bind, attribute, sid.split()[1])
                    assert len(attribute.value_ctr.values[0].blob) == 16
                    hashes += 1
            item = item.next_object
        request.source_dsa_invocation_id = page.source_dsa_invocation_id
        request.highwatermark = page.new_highwatermark
        if not page.more_data:
            break
    request.uptodateness_vector = upgraded(page.uptodateness_vector)
    taken = time.monotonic() - begun
    print(json.dumps({"hashes": hashes, "micros": int(taken * 1e6)}), flush=True)


def upgraded(vector):
    """A reply has times in its vector, a request has none."""
    if vector is None:
        return None
    cursors = []
    for known in vector.cursors:
        cursor = drsuapi.DsReplicaCursor()
        cursor.source_dsa_invocation_id = known.source_dsa_invocation_id
        cursor.highest_usn = known.highest_usn
        cursors.append(cursor)
    told = drsuapi.DsReplicaCursorCtrEx()
    told.version = 1
    told.count = len(cursors)
    told.cursors = cursors
    return told


def main():
    conf, address, domain, base, account = sys.argv[1:]
    lp = LoadParm()
    lp.load(conf)
    creds = Credentials()
    creds.guess(lp)
    creds.set_domain(domain)
    creds.set_username(account)
    creds.set_password(os.environ["AD_PASSWORD"])
    creds.set_kerberos_state(DONT_USE_KERBEROS)
    bind, handle, _ = drs_utils.drsuapi_connect(address, lp, creds)
    net = Net(creds, lp)
    request = first_request(base)
    pull(net, bind, handle, request)
    for _ in sys.stdin:
        pull(net, bind, handle, request)


main()
