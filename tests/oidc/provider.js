// A certified OpenID Connect provider on loopback: `node provider.js CONFIGURATION.json`. It prints its issuer once it
// listens. The configuration names the client (`client_id`, `client_secret`, `redirect_uri`, `after_sign_out`), whether
// claims are kept out of the ID token (`claims_at_userinfo`), and the claims of each account by its login (`accounts`).
// Any password is right; what a provider checks of a client is all its own.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';

import Provider from 'oidc-provider';

const wanted = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const server = createServer();

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: wanted.client_id,
        client_secret: wanted.client_secret,
        redirect_uris: [wanted.redirect_uri],
        post_logout_redirect_uris: [wanted.after_sign_out],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: wanted.claims_at_userinfo,
    cookies: { keys: ['only for tests'] },
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile'],
    findAccount: (_context, login) => ({
      accountId: login,
      claims: () => ({ sub: login, name: login, ...wanted.accounts[login] }),
    }),
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
