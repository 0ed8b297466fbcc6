import { expect, test } from 'vitest'
import { pageOf, readProof } from './proof'

test('the proof in a link', () => {
  expect([readProof('#t=abc'), readProof('#setup=xyz'), readProof(''), readProof('#other')]).toEqual([{ kind: 'link', token: 'abc' }, { kind: 'setup', token: 'xyz' }, null, null])
})

test('a link never leads to another site', () => {
  for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '', undefined, '/login?next=/login']) expect(pageOf(bad)).toBe('/')
  expect(pageOf('/p/pk_1/limits?tier=free')).toBe('/p/pk_1/limits?tier=free')
})
