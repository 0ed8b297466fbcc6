import { accessSync, constants } from 'node:fs'
import { chromiumPath } from './chromium'

/** Browser tests never skip: without a browser or a binary they fail, and say what is missing. */
export default function setup() {
  const binary = process.env.AIRATELIMIT_BINARY ?? new URL('../../../bin/airatelimit', import.meta.url).pathname
  for (const [what, path, remedy] of [
    ['Chromium', chromiumPath, 'Install it, or set CHROMIUM_PATH.'],
    ['the binary', binary, 'Run: make build'],
  ] as const) {
    try {
      accessSync(path, constants.X_OK)
    } catch {
      throw new Error(`${what} is missing at ${path}. ${remedy}`)
    }
  }
}
