import { genkit } from "genkit";
import { openAI } from "@genkit-ai/compat-oai/openai";
import { googleAI } from "@genkit-ai/google-genai";

const [server, projectKey, user, vendor] = process.argv.slice(2);
const headers = { "x-identity": user };
const plugins = {
  openai: () => [openAI({ apiKey: projectKey, baseURL: `${server}/v1`, defaultHeaders: headers }), openAI.model("gpt-4o")],
  google: () => [googleAI({ apiKey: projectKey, baseUrl: server, customHeaders: headers }), googleAI.model("gemini-2.5-flash")],
};
const [plugin, model] = plugins[vendor]();
const ai = genkit({ plugins: [plugin] });
try {
  const { text } = await ai.generate({ model, prompt: "hello there" });
  console.log(text);
} catch (error) {
  console.log(error.message);
}
