// Asks a gateway through the official library, and prints what came back as one JSON object.
//
//     node asks.mjs http://127.0.0.1:8080/v1 PROMPT

import OpenAI from "openai";

const [baseURL, prompt] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none" });
const messages = [{ role: "user", content: prompt }];
const model = "auto";
const add = {
  name: "add",
  parameters: {
    type: "object",
    properties: { a: { type: "integer" }, b: { type: "integer" } },
    required: ["a", "b"],
  },
};
const tools = [{ type: "function", function: add }];

async function whole() {
  const { data, response } = await client.chat.completions
    .create({ model, messages })
    .withResponse();
  return {
    text: data.choices[0].message.content,
    tokens: data.usage.total_tokens,
    model: response.headers.get("x-finerouter-model"),
  };
}

async function streamed() {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let tokens = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  return { text, tokens };
}

// The model calls the tool in a stream; its result goes back, and the answer comes whole.
async function withTools() {
  const asked = [{ role: "user", content: `${prompt} Use the tool.` }];
  const stream = client.chat.completions.stream({ model, messages: asked, tools });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
  const [call] = message.tool_calls;
  const result = { role: "tool", tool_call_id: call.id, content: "92" };
  const answer = await client.chat.completions.create({
    model,
    messages: [...asked, message, result],
    tools,
  });
  return {
    reason: finish_reason,
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments),
    text: answer.choices[0].message.content,
  };
}

async function response() {
  const stream = client.responses.stream({ model, input: prompt });
  const final = await stream.finalResponse();
  return { text: final.output_text, status: final.status };
}

async function embedded() {
  const { data } = await client.embeddings.create({ model: "tiny", input: "one" });
  return data[0].embedding.length;
}

async function names() {
  const found = [];
  for await (const item of client.models.list()) found.push(item.id);
  return found;
}

// The name of the error that the library throws, with its status and words.
async function thrown(work) {
  try {
    await work();
  } catch (error) {
    return { error: error.constructor.name, status: error.status ?? null, message: error.message };
  }
  return null;
}

const unknown = () => client.chat.completions.create({ model: "nothing", messages });
const wrong = () => client.chat.completions.create({ model, messages, finerouter: { cost: 1 } });

async function broken() {
  const asked = [{ role: "user", content: "Break off." }];
  const stream = await client.chat.completions.create({ model, messages: asked, stream: true });
  for await (const _ of stream);
}

console.log(
  JSON.stringify({
    whole: await whole(),
    streamed: await streamed(),
    tools: await withTools(),
    response: await response(),
    embedded: await embedded(),
    names: await names(),
    unknown: await thrown(unknown),
    wrong: await thrown(wrong),
    broken: await thrown(broken),
  }),
);
