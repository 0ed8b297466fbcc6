import { Button, Center, Stack, Text, Title } from '@mantine/core'
import { messageOf } from '../api/problem'
import { ButtonLink } from './links'

/** Crash stands in for a page that cannot be shown. */
export function Crash({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <Center component="main" mih="60vh" p="md">
      <Stack maw={460} role="alert">
        <Title order={1}>This page cannot be shown</Title>
        <Text>{messageOf(error)}</Text>
        <Button onClick={() => (reset ? reset() : location.reload())} variant="default">
          Try again
        </Button>
      </Stack>
    </Center>
  )
}

export function NotFound() {
  return (
    <Center component="main" mih="60vh" p="md">
      <Stack maw={460}>
        <Title order={1}>There is no such page</Title>
        <Text>The address may be misspelt, or the page has moved.</Text>
        <ButtonLink to="/projects">
          Your projects
        </ButtonLink>
      </Stack>
    </Center>
  )
}
