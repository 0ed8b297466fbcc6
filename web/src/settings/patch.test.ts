import { describe, expect, test } from 'vitest'
import { apply, diff, isEmpty, leaves, rebase, set, type JsonObject } from './patch'

const doc: JsonObject = { name: 'My app', requestLimit: null, tiers: { free: { requestLimit: 5, modelLimits: { 'gpt-4o': { requestLimit: 1 } } }, pro: {} }, allowedModels: ['a', 'b'] }

describe('diff', () => {
  test('is empty for the same document, whether null is written or absent', () => {
    expect(isEmpty(diff(doc, { ...doc, requestLimit: null }))).toBe(true)
    const { requestLimit: _, ...without } = doc
    expect(diff(doc, without)).toEqual({})
  })
  test('removes by null, and replaces lists as a whole', () => {
    const to = set(set(set(doc, ['tiers', 'free', 'requestLimit'], null), ['tiers', 'new'], {}), ['allowedModels'], ['b'])
    expect(diff(doc, to)).toEqual({ tiers: { free: { requestLimit: null }, new: {} }, allowedModels: ['b'] })
  })
  test('makes the other document when it is applied', () => {
    const to = set(set(doc, ['tiers', 'pro'], null), ['tiers', 'free', 'modelLimits', 'o3'], { costLimitUsd: 0.5 })
    expect(apply(doc, diff(doc, to))).toEqual(to)
  })
})

test('leaves name the path of each value', () => {
  expect(leaves({ tiers: { free: { requestLimit: 3 }, pro: null, new: {} } })).toEqual([
    { path: ['tiers', 'free', 'requestLimit'], value: 3 },
    { path: ['tiers', 'pro'], value: null },
    { path: ['tiers', 'new'], value: {} },
  ])
})

describe('rebase', () => {
  const mine = { tiers: { free: { requestLimit: 10 } } }
  test('keeps changes that do not touch', () => {
    const theirs = set(doc, ['requestLimit'], 7)
    expect(rebase(doc, theirs, mine)).toEqual({ patch: mine, conflicts: [] })
  })
  test('drops a change that somebody else has made too', () => {
    expect(rebase(doc, set(doc, ['tiers', 'free', 'requestLimit'], 10), mine)).toEqual({ patch: {}, conflicts: [] })
  })
  test('asks about a value that both have changed', () => {
    const theirs = set(doc, ['tiers', 'free', 'requestLimit'], 20)
    expect(rebase(doc, theirs, { ...mine, requestLimit: 1 })).toEqual({
      patch: { requestLimit: 1 },
      conflicts: [{ path: ['tiers', 'free', 'requestLimit'], mine: 10, theirs: 20 }],
    })
  })
  test('asks about a value in a tier that somebody else has removed', () => {
    const { conflicts } = rebase(doc, set(doc, ['tiers', 'free'], null), mine)
    expect(conflicts).toHaveLength(1)
  })
})
