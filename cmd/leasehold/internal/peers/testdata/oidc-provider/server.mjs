// An OpenID provider for tests on the npm package oidc-provider. PEER_DIR holds settings.json, read at start, and
// people.json, read at every login; PEER_PORT is the loopback port. The package is found from this file upwards.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { Provider } from 'oidc-provider';

const dir = process.env.PEER_DIR;
const read = (name) => JSON.parse(readFileSync(`${dir}/${name}`, 'utf8'));
const people = () => read('people.json');
const settings = read('settings.json');

const scopes = ['openid', 'offline_access', 'email', 'profile', 'groups'];
const key = (type, options, more) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...more });

function claims({ uid, mail, displayName, groups, unproven }, login) {
  const email = mail ? { email: mail, email_verified: !unproven } : {};
  return { sub: uid, name: displayName, preferred_username: login, groups: groups ?? [], ...email, ...settings.claims };
}

// call asks a relying party; every name is found on this machine.
function call(url, { method, headers, body }) {
  return new Promise((resolve, reject) => {
    const lookup = (name, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4));
    const request = https.request(url, { method, headers: { ...Object.fromEntries(new Headers(headers)), 'content-length': Buffer.byteLength(String(body)) }, lookup }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode }));
    });
    request.on('error', reject);
    request.end(String(body));
  });
}

// grant answers the question whether the person allows the scopes: always.
async function grant({ oidc }) {
  const { Grant } = oidc.provider;
  const known = oidc.result?.consent?.grantId ?? oidc.session.grantIdFor(oidc.client.clientId);
  const given = (known && (await Grant.find(known))) || new Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  given.addOIDCScope(scopes.join(' '));
  await given.save();
  return given;
}

const provider = new Provider(settings.issuer, {
  clients: settings.clients.map((c) => ({ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], ...c })),
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rsa' }), key('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'ec' })] },
  cookies: { keys: [createHash('sha256').update(dir).digest('hex')] },
  scopes,
  claims: { openid: ['sub', ...Object.keys(settings.claims ?? {})], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  conformIdTokenClaims: !!settings.userinfo_only, // the claims of a scope: in the ID token too, as most providers have it, or at userinfo only
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: { Session: settings.session, Grant: 86400, Interaction: 3600, AccessToken: 3600, IdToken: 3600, AuthorizationCode: 60, RefreshToken: 86400 },
  rotateRefreshToken: true,
  // The package refuses to call loopback addresses; here they are all there is.
  fetch: call,
  async findAccount(ctx, uid) {
    const found = Object.entries(people()).find(([, person]) => person.uid === uid);
    return found && { accountId: uid, claims: () => claims(found[1], found[0]) };
  },
  loadExistingGrant: grant,
  interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
  renderError(ctx, out) { ctx.type = 'text'; ctx.body = JSON.stringify(out); },
});
provider.proxy = true; // the front that ends TLS says what the browser asked for

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (hint, wrong) => `<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1>
${wrong ? '<p role="alert">That is not right.</p>' : ''}<form method="post">
<label>Name <input name="login" value="${escape(hint)}"></label> <label>Password <input name="password" type="password"></label>
<button name="go" value="in">Sign in</button> <button name="go" value="away">Cancel</button></form>`;

async function form(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/login/')) return next();
  const { params, prompt, session } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'consent') { // given without a question
    const given = new provider.Grant({ clientId: params.client_id, accountId: session.accountId });
    given.addOIDCScope(scopes.join(' '));
    ctx.respond = false;
    return provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: await given.save() } });
  }
  let wrong = false;
  if (ctx.method === 'POST') {
    const answer = await form(ctx.req);
    const person = people()[answer.get('login')];
    const finish = (result) => { ctx.respond = false; return provider.interactionFinished(ctx.req, ctx.res, result); };
    if (answer.get('go') === 'away') return finish({ error: 'access_denied', error_description: 'the person went away' });
    if (person && person.password === answer.get('password')) return finish({ login: { accountId: person.uid, amr: ['pwd'], acr: settings.acr } });
    wrong = true;
  }
  ctx.type = 'html';
  ctx.body = page(params.login_hint ?? '', wrong);
});

for (const event of ['server_error', 'authorization.error', 'grant.error', 'backchannel.error']) {
  provider.on(event, (...what) => console.error(event, ...what.slice(1)));
}
provider.listen(Number(process.env.PEER_PORT), '127.0.0.1');
