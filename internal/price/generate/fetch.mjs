// Writes genai-prices.json, the part of the npm package @pydantic/genai-prices that the price book is generated from, and
// the package's licence beside it:
//
//	node internal/price/generate/fetch.mjs [VERSION]
//	go generate ./internal/price
//
// This is the only step that needs a network. What it writes is checked in, so that generating the book is repeatable.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const name = '@pydantic/genai-prices'

const here = dirname(fileURLToPath(import.meta.url))
// The vendors that the gateway knows, each with its id in the package.
const providers = JSON.parse(execFileSync('go', ['run', '.', '-vendors'], { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
const work = mkdtempSync(join(tmpdir(), 'genai-prices-'))
const npm = (...args) => execFileSync('npm', args, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
try {
  const about = JSON.parse(npm('view', '--json', `${name}@${process.argv[2] ?? 'latest'}`, 'version', 'license', 'time'))
  const { version, license, time } = Array.isArray(about) ? about.at(-1) : about
  if (license !== 'MIT') throw new Error(`${name} ${version} has the licence ${license}, not MIT`)
  npm('install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`)
  const folder = join(work, 'node_modules', name)
  const { findProvider } = createRequire(join(work, 'x.cjs'))(join(folder, 'dist', 'index.cjs'))
  const models = {}
  for (const [vendor, id] of providers) {
    models[vendor] = findProvider({ providerId: id }).models.map(({ id, match, context_window, deprecated, prices }) => ({ id, match, context_window, deprecated, prices }))
  }
  // One model a line, so that a diff shows what changed.
  const lines = Object.entries(models).map(([vendor, list]) => `  ${JSON.stringify(vendor)}: [\n${list.map((m) => '   ' + JSON.stringify(m)).join(',\n')}\n  ]`)
  const head = JSON.stringify({ package: name, version, date: time[version].slice(0, 10), license }, null, 1).slice(0, -2)
  writeFileSync(join(here, 'genai-prices.json'), `${head},\n "models": {\n${lines.join(',\n')}\n }\n}\n`)
  copyFileSync(join(folder, 'LICENSE'), join(here, 'genai-prices.LICENSE'))
} finally {
  rmSync(work, { recursive: true })
}
