import { ChatAnthropic } from "@langchain/anthropic";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatOpenAI } from "@langchain/openai";

const [server, projectKey, user, vendor] = process.argv.slice(2);
const headers = { "x-identity": user };
const models = {
  openai: () => new ChatOpenAI({ model: "gpt-4o", apiKey: projectKey, configuration: { baseURL: `${server}/v1`, defaultHeaders: headers } }),
  anthropic: () =>
    new ChatAnthropic({ model: "claude-sonnet-4-5", apiKey: projectKey, anthropicApiUrl: server, clientOptions: { defaultHeaders: headers } }),
  google: () =>
    new ChatGoogleGenerativeAI({ model: "gemini-2.5-flash", apiKey: projectKey, baseUrl: server, customHeaders: headers }),
};
try {
  const answer = await models[vendor]().invoke("hello there");
  console.log(answer.content);
} catch (error) {
  console.log(error.message);
}
