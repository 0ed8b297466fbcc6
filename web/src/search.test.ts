import { expect, test } from 'vitest'
import { parseSearch, stringifySearch } from './search'

test('identities stay what they are in an address', () => {
  for (const user of ['123', 'true', 'a/b?c&d=e#f', 'ü "x"', '{"a":1}']) expect(parseSearch(stringifySearch({ user }))).toEqual({ user })
})

test('defaults are left out', () => {
  expect(stringifySearch({ q: '', tier: undefined, create: false })).toBe('')
})
