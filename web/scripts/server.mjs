// Starts the real binary with a database in a temporary folder, for the generated client and for browser tests.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const binary = process.env.AIRATELIMIT_BINARY ?? new URL('../../bin/airatelimit', import.meta.url).pathname

/** freePort returns a port that nobody listens on. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

/** startServer resolves when the server serves. output returns everything that it has printed. */
export async function startServer(env = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'airatelimit-web-'))
  const port = await freePort()
  const child = spawn(binary, ['serve'], {
    env: { PATH: process.env.PATH, HOME: dir, PORT: String(port), DATA_DIR: dir, DRAIN_SECONDS: '1', ALLOW_PRIVATE_UPSTREAMS: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const waiting = new Set()
  const hear = (part) => {
    text += part
    for (const check of [...waiting]) check()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  exited.then(() => waiting.forEach((check) => check()))

  /** printed resolves with the first match of a pattern in what the server prints after an offset. */
  const printed = (pattern, from = 0) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(text.slice(from))
        if (match) resolve(match)
        else if (child.exitCode !== null) reject(new Error(`the server has ended:\n${text}`))
        else return
        waiting.delete(check)
      }
      waiting.add(check)
      check()
    })
  await printed(/serves at|msg=serving/)
  return {
    url: `http://localhost:${port}`,
    dir,
    output: () => text,
    printed,
    async stop() {
      child.kill('SIGTERM')
      await exited
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
