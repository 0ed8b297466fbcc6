import { describe, expect, test } from 'vitest'
import { alsoDecides, covers, dangerOf, everyone, keyFor, nameOf, potChanges, resolve, rowsOf, setCell, valueAt, type Address, type Column } from './matrix'
import { diff, type JsonObject } from './patch'

// The table of the design: Everyone 50, gpt-4o of free 5; pro 500 for all other models.
const doc: JsonObject = {
  requestLimit: 50,
  modelLimits: { 'gemini-2.5-flash': { requestLimit: -1 }, o3: { requestLimit: 0 } },
  tiers: { free: { modelLimits: { 'gpt-4o': { requestLimit: 5 } } }, pro: { requestLimit: 500, modelLimits: { o3: { requestLimit: 10 } }, requestsPerMinute: 60 } },
}
const base = (column: Column): Address => ({ column, row: { kind: 'base' } })
const model = (column: Column, key: string): Address => ({ column, row: { kind: 'model', key } })

describe('resolve', () => {
  test.each([
    [base(everyone), 50, 'Everyone · all other models'],
    [base('free'), 50, 'Everyone · all other models'],
    [base('pro'), 500, 'pro · all other models'],
    [model('free', 'gpt-4o'), 5, 'free · gpt-4o'],
    [model('pro', 'gpt-4o'), 500, 'pro · all other models'],
    [model(everyone, 'gpt-4o'), 50, 'Everyone · all other models'],
    [model('pro', 'gemini-2.5-flash'), -1, 'Everyone · gemini-2.5-flash'], // a model's row of everyone comes before the tier's own value
    [model('free', 'o3'), 0, 'Everyone · o3'],
    [model('pro', 'o3'), 10, 'pro · o3'],
  ])('looks left, then up, then to the corner: %j', (address, value, from) => {
    const got = resolve(doc, address, 'requests')
    expect([got.value, got.from && nameOf(got.from)]).toEqual([value, from])
  })

  test('each metric for itself', () => {
    expect(resolve(doc, model('free', 'gpt-4o'), 'tokens')).toEqual({ value: null, from: null })
  })

  test('the pace has no models', () => {
    const pace = (column: Column): Address => ({ column, row: { kind: 'pace', field: 'requestsPerMinute' } })
    expect([resolve(doc, pace('pro'), 'requests').value, resolve(doc, pace('free'), 'requests').value]).toEqual([60, null])
  })

  test('a star of the tier comes before the model’s row of everyone', () => {
    const starred = setCell(doc, model('free', '*'), 'requests', 9)
    expect(resolve(starred, model('free', 'o3'), 'requests').value).toBe(9)
    expect(resolve(starred, model('free', 'gpt-4o'), 'requests').value).toBe(5)
  })
})

test('a key covers snapshots and variants, but no other model', () => {
  expect(['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-latest', 'GPT-4o', 'gpt-4o:free', 'gpt-4o@default'].every((m) => covers('gpt-4o', m))).toBe(true)
  expect(['gpt-4o-mini', 'gpt-4', 'gpt-4o-audio'].some((m) => covers('gpt-4o', m))).toBe(false)
  expect(keyFor(['*', 'gpt-*', 'gpt-4o'], 'gpt-4o-2024-08-06')).toBe('gpt-4o')
  expect(keyFor(['*', 'gpt-*'], 'o3')).toBe('*')
})

test('a row of everyone decides for tiers that have another value', () => {
  expect(alsoDecides(doc, model(everyone, 'gemini-2.5-flash'), 'requests')).toEqual([{ tier: 'pro', value: 500 }])
  expect(alsoDecides(doc, model(everyone, 'o3'), 'requests')).toEqual([])
})

test('a set cell that inherits again leaves no change', () => {
  const there = setCell(doc, model('pro', 'gpt-4o'), 'requests', 7)
  expect(valueAt(there, model('pro', 'gpt-4o'), 'requests')).toBe(7)
  expect(diff(doc, setCell(there, model('pro', 'gpt-4o'), 'requests', null))).toEqual({})
})

test('rows: all other models first, then the keys, then the pace', () => {
  expect(rowsOf(doc, ['added']).map((row) => (row.kind === 'model' ? row.key : row.kind === 'base' ? 'base' : row.field))).toEqual([
    'base', 'added', 'gemini-2.5-flash', 'gpt-4o', 'o3', 'requestsPerMinute', 'concurrentRequests',
  ])
})

test('a row of its own leaves the shared pot', () => {
  const after = setCell(doc, model(everyone, 'gpt-4o'), 'requests', -1)
  expect(potChanges(doc, after, 'requests')).toContainEqual({ column: everyone, key: 'gpt-4o', left: true, pot: 50 })
  expect(potChanges(after, doc, 'requests')).toContainEqual({ column: everyone, key: 'gpt-4o', left: false, pot: 50 })
})

test('what needs a second look', () => {
  expect([dangerOf(5, 500), dangerOf(5, 499), dangerOf(5, 0), dangerOf(null, 0), dangerOf(5, -1), dangerOf(5, null), dangerOf(null, 5), dangerOf(0, 5)]).toEqual([
    'huge', null, 'blocked', 'blocked', 'removed', 'removed', null, null,
  ])
})
