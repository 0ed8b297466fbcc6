import { Alert, Button, Divider, Group, Paper, PasswordInput, Select, Stack, Text, Title } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import { api, etagOf, http, queries, type Schemas } from '../../api/client'
import { messageOf, Problem } from '../../api/problem'
import { duration } from '../../format/time'
import { Icon } from '../../ui/Icon'
import { nameOfVendor, vendorOf } from './choice'

interface Props {
  projectId: string
  providers: Schemas['ListedProvider'][]
  mayChange: boolean
  onChosen: (chosen: string) => void
}

/** KeyStep takes a provider's key and tests it at once, or goes on without one. */
export function KeyStep({ projectId, providers, mayChange, onChosen }: Props) {
  const [key, setKey] = useState('')
  const [vendor, setVendor] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<{ error: unknown; test: Schemas['KeyTest'] | null } | null>(null)
  const [test, setTest] = useState<Schemas['KeyTest'] | null>(null)
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  const name = vendor ?? vendorOf(key)
  const vendors = providers.filter((p) => p.builtIn && p.name !== 'echo').map((p) => ({ value: p.name, label: nameOfVendor(p.name) }))

  const tryKey = async (text: string, at: string) => {
    setTest(null)
    if (text.trim() === '') return
    try {
      const { data } = await http.POST('/api/projects/{projectId}/providers/test', { params: { path: { projectId } }, body: { name: at, key: text.trim() } })
      setTest(data ?? null)
    } catch {
      // Saving says what is wrong.
    }
  }
  const put = async (provider: string, query: { test?: boolean; force?: boolean }, body: { key?: string }) => {
    setBusy(true)
    setFailed(null)
    try {
      await http.PUT('/api/projects/{projectId}/providers/{provider}', {
        params: { path: { projectId, provider }, query, header: { 'If-Match': etagOf(project.data!.version) } },
        body,
      })
      await queries.invalidateQueries({ queryKey: ['get', '/api/projects/{projectId}'] })
      await queries.invalidateQueries({ queryKey: ['get', '/api/projects/{projectId}/providers'] })
      onChosen(provider)
    } catch (error) {
      setFailed({ error, test: error instanceof Problem ? ((error.body.test as Schemas['KeyTest'] | undefined) ?? null) : null })
    } finally {
      setBusy(false)
    }
  }
  const save = (force: boolean) => put(name, force ? { test: true, force: true } : { test: true }, { key: key.trim() })
  return (
    <Paper p="lg">
      <form
        onSubmit={(e: FormEvent) => {
          e.preventDefault()
          void save(false)
        }}
      >
        <Stack>
          <Title order={2}>Who answers?</Title>
          <Group align="flex-end" gap="sm" wrap="wrap">
            <PasswordInput
              label="A provider’s key"
              description="It is stored encrypted, and never shown again. Your app then needs no key."
              value={key}
              autoFocus
              autoComplete="off"
              disabled={!mayChange}
              onChange={(e) => {
                setKey(e.currentTarget.value)
                setTest(null)
                setFailed(null)
              }}
              onPaste={(e) => {
                const text = e.clipboardData.getData('text')
                void tryKey(text, vendor ?? vendorOf(text))
              }}
              visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
              style={{ flex: '1 1 280px' }}
            />
            <Select label="Provider" data={vendors} value={name} onChange={setVendor} allowDeselect={false} w={150} disabled={!mayChange} />
          </Group>
          <div aria-live="polite">{test && <Tested test={test} vendor={name} />}</div>
          {failed && (
            <Alert color="red" icon={<Icon name="warn" />} title={failed.test ? 'The provider refuses this key' : 'Not saved'} role="alert">
              <Stack gap={8} align="flex-start">
                <Text size="sm">{failed.test?.message ?? messageOf(failed.error)}</Text>
                {failed.test?.next && <Text size="sm">{failed.test.next}</Text>}
                {failed.test && (
                  <Button size="compact-sm" variant="default" onClick={() => save(true)}>
                    Save it all the same
                  </Button>
                )}
              </Stack>
            </Alert>
          )}
          <Group>
            <Button type="submit" loading={busy} disabled={!mayChange || key.trim() === '' || !project.data}>
              Save the key
            </Button>
          </Group>
          <Divider label="or" />
          <Group gap="sm">
            {providers.some((p) => p.name === 'echo') && (
              <Button
                variant="default"
                leftSection={<Icon name="bolt" size={16} />}
                disabled={busy || !mayChange || !project.data}
                onClick={() => put('echo', {}, {})} // which lists it in the settings
              >
                Use the built-in echo, no key
              </Button>
            )}
            <Button variant="default" leftSection={<Icon name="key" size={16} />} onClick={() => onChosen('own')}>
              My app sends its own key
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  )
}

/** Tested says what the test of a key has found. */
function Tested({ test, vendor }: { test: Schemas['KeyTest']; vendor: string }) {
  if (!test.ok) {
    return (
      <Text size="sm" className="bad">
        {test.message} {test.next}
      </Text>
    )
  }
  return (
    <Text size="sm" className="ok">
      {nameOfVendor(vendor)} knows this key{test.models === null ? '' : `, ${test.models} models`}, {duration(test.ms)}.
    </Text>
  )
}
