// Writes src/api/schema.d.ts, the types of the API, from the OpenAPI document of the binary. With --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'
import { startServer } from './server.mjs'

const file = new URL('../src/api/schema.d.ts', import.meta.url)
const server = await startServer()
let document
try {
  document = await (await fetch(`${server.url}/api/openapi.json`)).json()
} finally {
  await server.stop()
}
const text = '// Written by `npm run client` from the OpenAPI document. Do not edit.\n' + astToString(await openapiTS(document))
if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('src/api/schema.d.ts is not what the OpenAPI document says. Run: make build && npm --prefix web run client')
  process.exit(1)
}
