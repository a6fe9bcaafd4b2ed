// A real OpenID Connect provider (npm's oidc-provider) for the tests: one client, its own sign-in and consent pages,
// in which any login does. Argument: JSON {port, redirect, out, secret, client}. Says "ready" once it listens.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const given = JSON.parse(process.argv[2])
const find = createRequire(given.modules + '/')
const { default: Provider } = await import(pathToFileURL(find.resolve('oidc-provider')))

const provider = new Provider(`http://127.0.0.1:${given.port}`, {
  clients: [{
    client_id: given.client,
    client_secret: given.secret,
    redirect_uris: [given.redirect],
    post_logout_redirect_uris: [given.out],
    response_types: ['code'],
    grant_types: ['authorization_code'],
  }],
  claims: { openid: ['sub'], profile: ['preferred_username'] },
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: `sub-of-${id}`, preferred_username: id }) }),
  cookies: { keys: ['for tests'] },
  features: { devInteractions: { enabled: true } },
})
provider.listen(given.port, '127.0.0.1', () => console.log('ready'))
