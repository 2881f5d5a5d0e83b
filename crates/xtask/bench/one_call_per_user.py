"""Password hashes with one call for each user, by impacket.

    one_call_per_user.py ADDRESS DOMAIN ACCOUNT < GUIDS

The password is in the environment, the users are objectGUIDs, one on each line. One connection is used for
all of them, only the hash is asked for, and no call is made besides. Tells the result by one line of JSON.
"""

import json
import os
import sys
import time
import uuid

from impacket.dcerpc.v5 import drsuapi, epm, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY

CLIENT = drsuapi.NTDSAPI_CLIENT_GUID
UNICODE_PWD = "1.2.840.113556.1.4.90"


def connect(address, domain, account, password):
    binding = epm.hept_map(address, drsuapi.MSRPC_UUID_DRSUAPI, protocol="ncacn_ip_tcp")
    rpc = transport.DCERPCTransportFactory(binding)
    rpc.setRemoteHost(address)
    rpc.set_credentials(account, password, domain)
    drs = rpc.get_dce_rpc()
    drs.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
    drs.connect()
    drs.bind(drsuapi.MSRPC_UUID_DRSUAPI)
    request = drsuapi.DRSBind()
    request["puuidClientDsa"] = CLIENT
    told = drsuapi.DRS_EXTENSIONS_INT()
    told["cb"] = len(told)
    told["dwFlags"] = (
        drsuapi.DRS_EXT_GETCHGREQ_V6
        | drsuapi.DRS_EXT_GETCHGREPLY_V6
        | drsuapi.DRS_EXT_GETCHGREQ_V8
        | drsuapi.DRS_EXT_STRONG_ENCRYPTION
    )
    told["SiteObjGuid"] = drsuapi.NULLGUID
    told["Pid"] = 0
    told["dwReplEpoch"] = 0
    told["dwFlagsExt"] = 0
    told["ConfigObjGUID"] = drsuapi.NULLGUID
    told["dwExtCaps"] = 0xFFFFFFFF
    request["pextClient"]["cb"] = len(told)
    request["pextClient"]["rgb"] = list(told.getData())
    return drs, drs.request(request)["phDrs"]


def question(handle, prefixes, number, guid):
    request = drsuapi.DRSGetNCChanges()
    request["hDrs"] = handle
    request["dwInVersion"] = 8
    request["pmsgIn"]["tag"] = 8
    asked = request["pmsgIn"]["V8"]
    asked["uuidDsaObjDest"] = CLIENT
    asked["uuidInvocIdSrc"] = drsuapi.NULLGUID
    name = drsuapi.DSNAME()
    name["SidLen"] = 0
    name["Sid"] = ""
    name["Guid"] = guid
    name["NameLen"] = 0
    name["StringName"] = "\x00"
    name["structLen"] = len(name.getData())
    asked["pNC"] = name
    asked["usnvecFrom"]["usnHighObjUpdate"] = 0
    asked["usnvecFrom"]["usnHighPropUpdate"] = 0
    asked["pUpToDateVecDest"] = NULL
    asked["ulFlags"] = drsuapi.DRS_INIT_SYNC | drsuapi.DRS_WRIT_REP
    asked["cMaxObjects"] = 1
    asked["cMaxBytes"] = 0
    asked["ulExtendedOp"] = drsuapi.EXOP_REPL_OBJ
    asked["pPartialAttrSet"]["dwVersion"] = 1
    asked["pPartialAttrSet"]["cAttrs"] = 1
    asked["pPartialAttrSet"]["rgPartialAttr"] = [number]
    asked["PrefixTableDest"]["PrefixCount"] = len(prefixes)
    asked["PrefixTableDest"]["pPrefixEntry"] = prefixes
    asked["pPartialAttrSetEx1"] = NULL
    return request


def main():
    address, domain, account = sys.argv[1:]
    users = [uuid.UUID(line.strip()).bytes_le for line in sys.stdin if line.strip()]
    drs, handle = connect(address, domain, account, os.environ["AD_PASSWORD"])
    prefixes = []
    number = drsuapi.MakeAttid(prefixes, UNICODE_PWD)
    # Samba wants to be told of a schema, of whatever version ([MS-DRSR] 5.16.4, schemaInfo).
    schema = drsuapi.PrefixTableEntry()
    schema["ndx"] = 0
    schema["prefix"]["length"] = 21
    schema["prefix"]["elements"] = [0xFF] + 20 * [0]
    prefixes[0]["ndx"] = 1
    number["Data"] += 1 << 16
    prefixes.append(schema)
    hashes = 0
    begun = time.monotonic()
    for guid in users:
        answer = drs.request(question(handle, prefixes, number, guid))
        reply = answer["pmsgOut"]["V6"]
        item = reply["pObjects"]["Entinf"]
        rid = int.from_bytes(item["pName"]["Sid"][-4:], "little")
        for attribute in item["AttrBlock"]["pAttr"]:
            if attribute["AttrVal"]["valCount"]:
                sealed = b"".join(attribute["AttrVal"]["pAVal"][0]["pVal"])
                opened = drsuapi.DecryptAttributeValue(drs, sealed)
                assert len(drsuapi.removeDESLayer(opened, rid)) == 16
                hashes += 1
    taken = time.monotonic() - begun
    print(json.dumps({"hashes": hashes, "micros": int(taken * 1e6)}))


main()
