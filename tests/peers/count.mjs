// The tokens that the real engine makes of a prompt: count.mjs MODEL. Reads a line of JSON, the
// list of messages, and prints a line with their number, by the model's own chat template.
import readline from 'node:readline'
import { getLlama } from 'node-llama-cpp'

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' })
const model = await llama.loadModel({ modelPath: process.argv[2], vocabOnly: true })
const template = model.fileInfo.metadata.tokenizer.chat_template
if (!template.includes("'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n'"))
	throw new Error(`not the template that is written here: ${template}`)
for await (const line of readline.createInterface({ input: process.stdin })) {
	const text = JSON.parse(line).map(m => `<|im_start|>${m.role}\n${m.content}<|im_end|>\n`)
	const tokens = model.tokenize(text.join('') + '<|im_start|>assistant\n', true)
	console.log(tokens.length + (model.tokens.shouldPrependBosToken ? 1 : 0))
}
