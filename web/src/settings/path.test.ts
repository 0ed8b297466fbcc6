import { expect, test } from 'vitest'
import { patchOf, splitPath } from './path'

test('names may contain points', () => {
  const doc = { modelLimits: { 'gemini-2.5-flash': { requestLimit: 1 }, 'gemini-2': {} }, tiers: { 'v1.0': { modelLimits: {} } } }
  expect(splitPath(doc, 'modelLimits.gemini-2.5-flash.requestLimit')).toEqual(['modelLimits', 'gemini-2.5-flash', 'requestLimit'])
  expect(splitPath(doc, 'tiers.v1.0.costLimitUsd')).toEqual(['tiers', 'v1.0', 'costLimitUsd'])
  expect(splitPath(doc, 'trustTierHeader')).toEqual(['trustTierHeader'])
})

test('a patch of one value', () => {
  expect(patchOf(['tiers', 'pro', 'costLimitUsd'], null)).toEqual({ tiers: { pro: { costLimitUsd: null } } })
})
