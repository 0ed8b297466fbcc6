import { expect, test } from 'vitest'
import type { Schemas } from '../../api/client'
import { chosenOf, vendorOf } from './choice'

const provider = (name: string, key: boolean) => ({ name, key: key ? { mask: '…abcd' } : null }) as Schemas['ListedProvider']

test('the choice is read from the project', () => {
  const none = [provider('openai', false), provider('echo', false)]
  const one = [provider('openai', true), provider('echo', false)]
  expect([chosenOf(none, undefined), chosenOf(none, 'echo')?.kind, chosenOf(none, 'own')?.kind, chosenOf(one, undefined)?.kind, chosenOf(one, 'none'), chosenOf([], 'echo')]).toEqual([
    null, 'echo', 'own', 'stored', null, null,
  ])
})

test('the vendor of a key', () => {
  expect(['sk-ant-x', 'AIzaX', 'xai-x', 'sk-proj-x', ' sk-ant-x'].map(vendorOf)).toEqual(['anthropic', 'google', 'xai', 'openai', 'anthropic'])
})
