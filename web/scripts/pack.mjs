// Compresses the build for web.go: each text file is kept as .br and .gz only, because the server unpacks it for the few
// clients that take neither.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = new URL('../dist', import.meta.url).pathname
const texts = new Set(['.js', '.css', '.svg', '.md'])

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name)
  if (!entry.isFile() || file.includes('/.vite/') || entry.name === 'index.html') continue
  if (/^[._]/.test(basename(file))) throw new Error(`${file}: Go embeds no file whose name begins with . or _`)
  if (!texts.has(extname(file))) continue
  const text = readFileSync(file)
  writeFileSync(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
  writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }))
  rmSync(file)
}
renameSync(join(dist, '.vite/manifest.json'), join(dist, '.manifest.json')) // not embedded: its name begins with a dot
