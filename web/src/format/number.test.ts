import { describe, expect, test } from 'vitest'
import { change, money } from './number'

describe('money', () => {
  test.each([
    [0, '$0'], [41.27, '$41.27'], [1, '$1.00'], [0.0042, '$0.0042'], [0.5, '$0.5'], [0.0000004, '< $0.000001'], [0.000001, '$0.000001'], [1043.834, '$1,043.83'], [12_345, '$12.3K'],
  ])('%j is %s', (usd, text) => expect(money(usd, ['en-US'])).toBe(text))

  test('what was spent is never shown as nothing', () => {
    for (let usd = 1e-9; usd < 1; usd *= 3) expect(money(usd, ['en-US'])).not.toMatch(/^\$0(\.0*)?$/)
  })
})

test('a change is said only where the figures are large enough', () => {
  expect([change(120, 100, true), change(50, 100, true), change(3, 2, false), change(5, 0, true)]).toEqual(['+20%', '-50%', null, null])
})
