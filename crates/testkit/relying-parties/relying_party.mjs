// A relying party made with openid-client. Signs somebody in, refreshes, asks who it is, signs out, and tries what
// must be refused. Prints one JSON document: for each step what came of it.
//
// Settings come in the environment: ISSUER, CLIENT_ID, CLIENT_SECRET (none: a public client), REDIRECT_URI, USER_NAME,
// PASSWORD. The service's CA comes in NODE_EXTRA_CA_CERTS.

import * as oidc from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, USER_NAME, PASSWORD } = process.env
const results = {}

// A browser without JavaScript: it keeps cookies, fills in the form, and stops where it is sent to the application.
class Browser {
  cookies = new Map()

  async send(url, form) {
    const headers = { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') }
    const options = { redirect: 'manual', headers }
    if (form) {
      options.method = 'POST'
      options.body = new URLSearchParams(form)
    }
    const response = await fetch(url, options)
    for (const line of response.headers.getSetCookie()) {
      const [name, ...value] = line.split(';')[0].split('=')
      this.cookies.set(name, value.join('='))
    }
    return response
  }

  // Opens an authorization request and signs in if the page asks; gives the address of the application.
  async signIn(url, name = USER_NAME, password = PASSWORD) {
    let response = await this.send(url)
    if (response.status === 200) {
      const page = await response.text()
      const text = (html) => html.replaceAll('&#38;', '&').replaceAll('&#34;', '"').replaceAll('&#39;', "'")
      const action = text(/<form [^>]*action="([^"]*)"/.exec(page)[1])
      const form = { username: name, password }
      for (const [tag] of page.matchAll(/<input type="hidden"[^>]*>/g)) {
        form[/name="([^"]*)"/.exec(tag)[1]] = text(/value="([^"]*)"/.exec(tag)[1])
      }
      response = await this.send(new URL(action, url), form)
    }
    const to = response.headers.get('location')
    if (!to?.startsWith(REDIRECT_URI)) throw new Error(`not sent back: ${response.status}`)
    return new URL(to)
  }
}

// What came of a step that must fail.
async function refusal(work) {
  try {
    await work()
    return 'not refused'
  } catch (error) {
    return error.error ?? error.cause?.[0]?.parameters?.error ?? error.code ?? error.message
  }
}

function request(overrides = {}) {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  return { verifier, state, nonce, overrides }
}

async function address(config, { verifier, state, nonce, overrides }) {
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...overrides,
  })
}

const redeem = (config, url, { verifier, state, nonce }) =>
  oidc.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  })

const authentication = CLIENT_SECRET ? oidc.ClientSecretBasic(CLIENT_SECRET) : oidc.None()
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, undefined, authentication)
// Signatures of ID tokens are checked as well, against the published keys.
oidc.enableNonRepudiationChecks(config)

const browser = new Browser()
const first = request()
const back = await browser.signIn(await address(config, first))
const tokens = await redeem(config, back, first)
const claims = tokens.claims()
results.signIn = claims

const info = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
results.userinfo = info
const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token)
results.refresh = refreshed.claims()

const again = request({ prompt: 'none' })
const silent = await browser.signIn(await address(config, again))
results.session = (await redeem(config, silent, again)).claims().sub

results.wrongNonce = await refusal(async () => {
  const wish = request()
  const url = await new Browser().signIn(await address(config, wish))
  await redeem(config, url, { ...wish, nonce: 'another' })
})
results.wrongState = await refusal(async () => {
  const wish = request()
  const url = await new Browser().signIn(await address(config, wish))
  await redeem(config, url, { ...wish, state: 'another' })
})
results.wrongVerifier = await refusal(async () => {
  const wish = request()
  const url = await new Browser().signIn(await address(config, wish))
  await redeem(config, url, { ...wish, verifier: oidc.randomPKCECodeVerifier() })
})
results.missingPkce = await refusal(async () => {
  const wish = request({ code_challenge: '', code_challenge_method: '' })
  const url = await new Browser().signIn(await address(config, wish))
  await redeem(config, url, wish)
})
results.foreignRedirect = await refusal(async () => {
  const url = await address(config, request({ redirect_uri: 'https://evil.test/cb' }))
  await new Browser().signIn(url)
})
results.wrongPassword = await refusal(async () => {
  await new Browser().signIn(await address(config, request()), USER_NAME, 'wrong')
})
results.replayedCode = await refusal(async () => {
  const wish = request()
  const url = await new Browser().signIn(await address(config, wish))
  await redeem(config, url, wish)
  await redeem(config, url, wish)
})
results.algNone = await refusal(async () => {
  const payload = refreshed.access_token.split('.')[1]
  const header = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  await oidc.fetchUserInfo(config, `${header}.${payload}.`, claims.sub)
})
results.usedRefreshToken = await refusal(() => oidc.refreshTokenGrant(config, tokens.refresh_token))
results.refreshTokenAfterReuse = await refusal(() => oidc.refreshTokenGrant(config, refreshed.refresh_token))
results.accessTokenAfterReuse = await refusal(() => oidc.fetchUserInfo(config, refreshed.access_token, claims.sub))

if (CLIENT_SECRET) {
  const own = await oidc.clientCredentialsGrant(config)
  results.clientCredentials = own.token_type
  results.wrongSecret = await refusal(async () => {
    const other = await oidc.discovery(new URL(ISSUER), CLIENT_ID, undefined, oidc.ClientSecretPost('wrong'))
    await oidc.clientCredentialsGrant(other)
  })
}

// What must not be found anywhere afterwards.
results.secrets = [
  back.searchParams.get('code'),
  ...[tokens, refreshed].flatMap((set) => [set.access_token, set.id_token, set.refresh_token]),
  ...browser.cookies.values(),
]

const bye = oidc.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: REDIRECT_URI,
  state: 'bye',
})
const response = await browser.send(bye)
results.logout = response.headers.get('location')
results.afterLogout = await refusal(async () => {
  const wish = request({ prompt: 'none' })
  await redeem(config, await browser.signIn(await address(config, wish)), wish)
})

process.stdout.write(JSON.stringify(results))
