import { describe, expect, test } from 'vitest'
import { inputOf, parseCell, separatorsOf } from './cell'

const english = separatorsOf('en-US')
const german = separatorsOf('de-DE')
const french = separatorsOf('fr-FR')
const swiss = separatorsOf('de-CH')

describe('parseCell', () => {
  test.each([
    ['500', 500], ['10k', 10_000], ['1.5M', 1_500_000], ['2B', 2e9], ['1,500', 1500], [' 7 ', 7], ['unlimited', -1], ['U', -1], ['∞', -1], ['-1', -1],
    ['blocked', 0], ['x', 0], ['0', 0], ['0k', 0], ['', null], ['inherit', null],
  ])('reads %j as %j', (typed, value) => {
    expect(parseCell(typed, 'requests', english)).toEqual({ ok: true, value })
  })

  test.each([
    [english, '1,234.5', 1234.5], [german, '1.234,5', 1234.5], [french, '1 234,5', 1234.5], [swiss, '1’234.5', 1234.5], [english, '$0.05', 0.05], [german, '0,05 $', 0.05],
    [english, '.5', 0.5], [english, '0.000001', 0.000001],
  ])('reads a cost in the user’s format', (separators, typed, value) => {
    expect(parseCell(typed, 'costUsd', separators)).toEqual({ ok: true, value })
  })

  // A wrong separator would make a tenfold or thousandfold limit of what was meant.
  test.each([[english, '1,5'], [english, '1,50'], [german, '1.5'], [english, '1.2.3'], [english, '12,34,567']])('refuses what could mean two things', (separators, typed) => {
    expect(parseCell(typed, 'costUsd', separators).ok).toBe(false)
  })

  test.each([['1.5', 'requests', 'whole'], ['-5', 'requests', 'negative'], ['0.0000001', 'costUsd', 'six decimals'], ['1e3', 'requests', 'Type a number'], ['five', 'tokens', 'Type a number'], ['9999999B', 'requests', 'At most']] as const)(
    'says what is wrong with %j',
    (typed, metric, says) => {
      const parsed = parseCell(typed, metric, english)
      expect(parsed.ok ? '' : parsed.problem).toContain(says)
    },
  )
})

test('editing begins with the number as the user writes it', () => {
  expect([inputOf(0.05, german), inputOf(500, english), inputOf(-1, english), inputOf(0, english), inputOf(null, english)]).toEqual(['0,05', '500', '', '', ''])
})
