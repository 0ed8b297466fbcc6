import { Button, Group, Paper, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { http, queries, type Schemas } from '../../api/client'
import { messageOf } from '../../api/problem'
import { me } from '../../session/me'
import { Steps } from '../start/Steps'
import { templates } from './templates'
import { freshSecrets } from './freshSecrets'

/** NewProject is the first step of the first run. Its name is selected, so that Enter goes on. */
export function NewProject() {
  const [name, setName] = useState('My app')
  const [template, setTemplate] = useState(templates[0]!.value)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const navigate = useNavigate()
  const create = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const chosen = templates.find((t) => t.value === template)!
      const { data } = await http.POST('/api/projects', { body: { name: name.trim(), template, settings: chosen.settings as unknown as Schemas['Settings'] } })
      const { project, secretKey } = data!
      freshSecrets.keep(project.projectId, secretKey)
      await queries.invalidateQueries({ queryKey: me.queryKey })
      void queries.invalidateQueries({ queryKey: ['get', '/api/projects'] })
      void navigate({ to: '/p/$projectId/start', params: { projectId: project.projectId } })
    } catch (problem) {
      setError(messageOf(problem))
      setBusy(false)
    }
  }
  return (
    <Stack maw={680}>
      <Steps at={0} />
      <Paper p="lg">
        <form onSubmit={create}>
          <Stack gap="lg">
            <TextInput label="What is your app called?" value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} autoFocus onFocus={(e) => e.currentTarget.select()} error={error} size="md" />
            <Radio.Group label="Begin with" value={template} onChange={(value) => setTemplate(value as typeof template)}>
              <Stack gap="sm" mt={6}>
                {templates.map((t) => (
                  <Radio key={t.value} value={t.value} label={t.label} description={t.description} />
                ))}
              </Stack>
            </Radio.Group>
            <Group justify="space-between">
              <Text size="sm" c="dimmed">
                Everything can be changed later.
              </Text>
              <Button type="submit" loading={busy}>
                Create the project
              </Button>
            </Group>
          </Stack>
        </form>
      </Paper>
    </Stack>
  )
}
