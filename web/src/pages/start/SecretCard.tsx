import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { Code } from '../../ui/Code'
import { freshSecrets } from '../projects/freshSecrets'

/** SecretCard shows the secret key of a project that was created just now, once. */
export function SecretCard({ projectId }: { projectId: string }) {
  const [key, setKey] = useState(() => freshSecrets.of(projectId))
  if (!key) return null
  const file = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([`AIRATELIMIT_PROJECT_KEY=${projectId}\nAIRATELIMIT_SECRET_KEY=${key}\n`], { type: 'text/plain' }))
    link.download = '.env'
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <Paper p="lg">
      <Stack gap="sm">
        <Title order={2}>The secret key, for your server</Title>
        <Text size="sm">It is shown only now. The first request below does not need it: apps use the public key.</Text>
        <Code text={key} label="Secret key" wrap />
        <Group gap="sm">
          <Button variant="default" size="xs" onClick={file}>
            Download as .env
          </Button>
          <Button
            variant="default"
            size="xs"
            onClick={() => {
              freshSecrets.forget(projectId)
              setKey(undefined)
            }}
          >
            I have it
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}
