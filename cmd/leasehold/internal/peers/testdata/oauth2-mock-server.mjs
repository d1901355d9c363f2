// An issuer of tokens of CI jobs, on the npm package oauth2-mock-server: its key set, its discovery, its signatures.
// POST /mint takes {claims, seconds, absent} and answers with a token that has them beside what the package says.
import http from 'node:http'
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server'

const { PEER_ISSUER, PEER_PORT } = process.env
const issuer = new OAuth2Issuer()
issuer.url = PEER_ISSUER
await issuer.keys.generate('RS256')
const service = new OAuth2Service(issuer)

async function mint({ claims = {}, seconds = 300, absent = [] }) {
  return issuer.buildToken({
    expiresIn: seconds,
    scopesOrTransform: (_header, payload) => {
      delete payload.amr
      delete payload.scope
      Object.assign(payload, claims)
      for (const name of absent) delete payload[name]
    },
  })
}

http.createServer(async (request, response) => {
  if (request.method !== 'POST' || request.url !== '/mint') return service.requestHandler(request, response)
  let text = ''
  for await (const chunk of request) text += chunk
  response.end(await mint(JSON.parse(text)))
}).listen(Number(PEER_PORT), '127.0.0.1')
