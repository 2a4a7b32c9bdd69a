// A certified provider that gives applications access tokens as JWTs (RFC 9068): `node tokens.js CONFIGURATION.json`. It
// prints its issuer once it listens. The configuration names the application (`client_id`, `client_secret`), the scopes
// that it may ask for (`scope`) and the audiences that there are (`audiences`); `resource` in a request chooses one.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';

import Provider, { errors } from 'oidc-provider';

const wanted = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const server = createServer();

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: wanted.client_id,
        client_secret: wanted.client_secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => {
          if (!wanted.audiences.includes(audience)) throw new errors.InvalidTarget();
          return { audience, scope: wanted.scope, accessTokenFormat: 'jwt', accessTokenTTL: 600 };
        },
      },
    },
    scopes: wanted.scope.split(' '),
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
