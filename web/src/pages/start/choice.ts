import type { Schemas } from '../../api/client'

type Provider = Schemas['ListedProvider']

/** The one that answers the first request: the echo inside the server, a provider with a stored key, or one with the app's own key. */
export type Choice = { kind: 'echo' } | { kind: 'own' } | { kind: 'stored'; provider: Provider }

/** chosenOf returns the choice: what the address says, else a provider that has a key. */
export function chosenOf(providers: readonly Provider[], asked: string | undefined): Choice | null {
  if (asked === 'none') return null
  if (asked === 'own') return { kind: 'own' }
  if (asked === 'echo' && providers.some((p) => p.name === 'echo')) return { kind: 'echo' }
  const stored = providers.find((p) => p.name === asked && p.key) ?? providers.find((p) => p.key)
  return stored ? { kind: 'stored', provider: stored } : null
}

/** vendorOf tells a provider by the shape of its key, as the server does. */
export function vendorOf(key: string): string {
  const k = key.trim()
  if (k.startsWith('sk-ant-')) return 'anthropic'
  if (k.startsWith('AIza')) return 'google'
  if (k.startsWith('xai-')) return 'xai'
  return 'openai'
}

export const vendorNames: Record<string, string> = { openai: 'OpenAI', anthropic: 'Anthropic', google: 'Google', xai: 'xAI', mistral: 'Mistral', deepseek: 'DeepSeek' }

export const nameOfVendor = (name: string) => vendorNames[name] ?? name
