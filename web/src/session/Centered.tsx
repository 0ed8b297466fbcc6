import { Center, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

/** Centered is the frame of the pages that need no session. */
export function Centered({ title, children }: { title: string; children: ReactNode }) {
  useDocumentTitle(`${title} · AI Ratelimit`)
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={420} gap="lg">
        <Group gap={10} justify="center">
          <img src="/favicon.svg" width={32} height={32} alt="" />
          <Text fw={650} size="lg">
            AI Ratelimit
          </Text>
        </Group>
        <Paper p={{ base: 'md', xs: 'xl' }}>
          <Title order={1} mb="md">
            {title}
          </Title>
          {children}
        </Paper>
      </Stack>
    </Center>
  )
}
