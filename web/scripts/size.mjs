// Fails if the first load of a route is too large: the entry, the route's page, everything that these import, and their
// styles, as gzip.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const most = 300_000
const dist = new URL('../dist', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(join(dist, '.manifest.json'), 'utf8'))

const sizeOf = (file) => statSync(join(dist, existsSync(join(dist, `${file}.gz`)) ? `${file}.gz` : file)).size

function filesOf(chunk, files = new Set()) {
  if (files.has(chunk.file)) return files
  files.add(chunk.file)
  for (const css of chunk.css ?? []) files.add(css)
  for (const name of chunk.imports ?? []) filesOf(manifest[name], files)
  return files
}

const entry = Object.values(manifest).find((chunk) => chunk.isEntry)
const pages = Object.entries(manifest).filter(([name]) => /^src\/pages\/\w+\/\w+Page\.tsx$/.test(name))
if (pages.length === 0) throw new Error('the manifest has no page')
let failed = false
for (const [name, page] of pages) {
  const files = filesOf(page, filesOf(entry))
  const size = sizeOf('index.html') + [...files].reduce((sum, file) => sum + sizeOf(file), 0)
  console.log(`${(size / 1000).toFixed(0).padStart(4)} kB gzip  ${name}`)
  if (size > most) failed = true
}
if (failed) {
  console.error(`A route's first load is larger than ${most / 1000} kB gzip. Load a part of it later, with import().`)
  process.exit(1)
}
