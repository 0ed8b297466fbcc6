import { generateText } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";

const [server, projectKey, user, vendor] = process.argv.slice(2);
const headers = { "x-identity": user };
const models = {
  openai: () => createOpenAI({ baseURL: `${server}/v1`, apiKey: projectKey, headers })("gpt-4o"),
  anthropic: () => createAnthropic({ baseURL: `${server}/v1`, apiKey: projectKey, headers })("claude-sonnet-4-5"),
  google: () => createGoogleGenerativeAI({ baseURL: `${server}/v1beta`, apiKey: projectKey, headers })("gemini-2.5-flash"),
};
try {
  const { text } = await generateText({ model: models[vendor](), prompt: "hello there" });
  console.log(text);
} catch (error) {
  console.log(error.message);
}
