"""A relying party made with Authlib. Signs somebody in, refreshes, asks who it is, signs out, and tries what must be
refused. Prints one JSON document: for each step what came of it.

Settings come in the environment: ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USER_NAME, PASSWORD. The service's CA
comes in REQUESTS_CA_BUNDLE.
"""

import html.parser
import json
import os
import urllib.parse

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ISSUER = os.environ["ISSUER"]
REDIRECT_URI = os.environ["REDIRECT_URI"]
results = {}


class Form(html.parser.HTMLParser):
    """The form of a page and its hidden fields."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action = attrs["action"]
        elif tag == "input" and attrs["type"] == "hidden":
            self.fields[attrs["name"]] = attrs["value"]


def sign_in(browser, url, password=os.environ["PASSWORD"]):
    """Opens an authorization request and signs in if the page asks; gives the address of the application."""
    response = browser.get(url, allow_redirects=False)
    if response.status_code == 200:
        form = Form(response.text)
        fields = form.fields | {"username": os.environ["USER_NAME"], "password": password}
        response = browser.post(urllib.parse.urljoin(url, form.action), data=fields, allow_redirects=False)
    to = response.headers.get("location", "")
    if not to.startswith(REDIRECT_URI):
        raise PermissionError(f"not sent back: {response.status_code}")
    return to


def session(**options):
    return OAuth2Session(
        os.environ["CLIENT_ID"],
        os.environ["CLIENT_SECRET"],
        redirect_uri=REDIRECT_URI,
        scope="openid profile email offline_access",
        code_challenge_method="S256",
        **options,
    )


def refusal(work):
    """What came of a step that must fail."""
    try:
        work()
    except OAuthError as error:
        return error.error
    except (JoseError, PermissionError) as error:
        return str(error)
    return "not refused"


metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"]).json())


def checked(token, nonce):
    """The claims of an ID token whose signature and values are right."""
    decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": os.environ["CLIENT_ID"]},
        },
        {"nonce": nonce, "client_id": os.environ["CLIENT_ID"]},
    )
    claims.validate()
    return dict(claims)


def authorize(client, browser):
    verifier, nonce = generate_token(48), generate_token()
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    return sign_in(browser, url), verifier, nonce, state


def fetch(client, back, verifier, state):
    return client.fetch_token(
        metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
    )


browser, client = requests.Session(), session()
back, verifier, nonce, state = authorize(client, browser)
token = fetch(client, back, verifier, state)
results["signIn"] = checked(token, nonce)
results["userinfo"] = client.get(metadata["userinfo_endpoint"]).json()
refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
results["refresh"] = refreshed["token_type"]

results["replayedCode"] = refusal(lambda: fetch(session(), back, verifier, state))
results["refreshTokenAfterReplay"] = refusal(
    lambda: session().refresh_token(metadata["token_endpoint"], refresh_token=refreshed["refresh_token"])
)


def wrong_nonce():
    client = session()
    back, verifier, _, state = authorize(client, requests.Session())
    checked(fetch(client, back, verifier, state), "another")


def used_refresh_token():
    client = session()
    back, verifier, _, state = authorize(client, requests.Session())
    token = fetch(client, back, verifier, state)["refresh_token"]
    client.refresh_token(metadata["token_endpoint"], refresh_token=token)
    client.refresh_token(metadata["token_endpoint"], refresh_token=token)


def wrong_password():
    url, _ = session().create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=generate_token(48)
    )
    sign_in(requests.Session(), url, "wrong")


results["wrongNonce"] = refusal(wrong_nonce)
results["usedRefreshToken"] = refusal(used_refresh_token)
results["wrongPassword"] = refusal(wrong_password)

query = {
    "id_token_hint": token["id_token"],
    "post_logout_redirect_uri": REDIRECT_URI,
    "state": "bye",
}
bye = f"{metadata['end_session_endpoint']}?{urllib.parse.urlencode(query)}"
results["logout"] = browser.get(bye, allow_redirects=False).headers.get("location")
print(json.dumps(results))
