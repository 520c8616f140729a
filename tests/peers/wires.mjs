// A real engine with real weights on three vendors' wires: wires.mjs MODEL PORT [WORDS]
// WORDS is a file, {"part of a question": "what the model is forced to say"}: a grammar lets it say
// nothing else. POST /count tells how many tokens the messages of a request are.
import fs from 'node:fs'
import http from 'node:http'
import { getLlama, LlamaCompletion } from 'node-llama-cpp'

const [path, port, wordsFile] = process.argv.slice(2)
const words = wordsFile ? JSON.parse(fs.readFileSync(wordsFile)) : {}
const CONTEXT = 1024
const llama = await getLlama({ gpu: false, maxThreads: 1, logLevel: 'error' })
const model = await llama.loadModel({ modelPath: path })
const context = await model.createContext({ contextSize: CONTEXT, sequences: 1 })
const completion = new LlamaCompletion({ contextSequence: context.getSequence() })

const tokensOf = messages => model.tokenize([
	...messages.map(m => `<|im_start|>${m.role}\n${m.content}<|im_end|>\n`),
	'<|im_start|>assistant\n'].join(''), true)

const escaped = text => [...text].map(
	c => '\\U' + c.codePointAt(0).toString(16).padStart(8, '0')).join('')

function grammarFor(question) {
	const part = Object.keys(words).find(p => question.includes(p))
	return part === undefined ? undefined
		: llama.createGrammar({ grammar: `root ::= "${escaped(words[part])}"` })
}

const json = value => JSON.stringify(value)
const event = (value, name) => (name ? `event: ${name}\n` : '') + `data: ${json(value)}\n\n`

const assistant = content => ({ role: 'assistant', content })
const line = value => json(value) + '\n'
const chunk = (delta, reason) =>
	event({ model: 'tinychat', choices: [{ index: 0, delta, finish_reason: reason }] })
const named = value => event(value, value.type)

// For each wire: how it begins, one piece, how it ends; and an error.
const wires = {
	'/api/chat': {
		type: 'application/x-ndjson',
		most: body => body.options?.num_predict,
		begin: () => '',
		piece: text => line({ model: 'tinychat', done: false, message: assistant(text) }),
		end: (reason, tokensIn, out) => line({
			model: 'tinychat', done: true, done_reason: reason, message: assistant(''),
			prompt_eval_count: tokensIn, eval_count: out,
		}),
		error: (status, type, message) => ({ error: message }),
	},
	'/v1/chat/completions': {
		type: 'text/event-stream',
		most: body => body.max_completion_tokens ?? body.max_tokens,
		begin: () => chunk(assistant(null)),
		piece: text => chunk({ content: text }, null),
		end: (reason, tokensIn, out) => chunk({}, reason) + event({ choices: [],
			usage: { prompt_tokens: tokensIn, completion_tokens: out } }) +
			'data: [DONE]\n\n',
		error: (status, type, message) => ({ error: { message, type, code: status } }),
	},
	'/v1/messages': {
		type: 'text/event-stream',
		most: body => body.max_tokens,
		begin: tokensIn =>
			named({ type: 'message_start', message: { model: 'tinychat',
				usage: { input_tokens: tokensIn, output_tokens: 0 } } }) +
			named({ type: 'content_block_start', index: 0,
				content_block: { type: 'text', text: '' } }),
		piece: text => named({ type: 'content_block_delta', index: 0,
			delta: { type: 'text_delta', text } }),
		end: (reason, tokensIn, out) =>
			named({ type: 'content_block_stop', index: 0 }) +
			named({ type: 'message_delta', usage: { output_tokens: out }, delta: {
				stop_reason: reason === 'length' ? 'max_tokens' : 'end_turn' } }) +
			named({ type: 'message_stop' }),
		error: (status, type, message) => ({ type: 'error', error: { type, message } }),
	},
}

function messagesOf(body) {
	const system = (body.system ?? []).map(block => block.text).join('\n')
	return system ? [{ role: 'system', content: system }, ...body.messages] : body.messages
}

let last = Promise.resolve() // one answer at a time

async function answer(wire, body, response) {
	const refuse = (status, type, message) =>
		response.writeHead(status, { 'Content-Type': 'application/json' })
			.end(json(wire.error(status, type, message)))
	if (body.model !== 'tinychat')
		return refuse(404, 'not_found_error',
			`model '${body.model}' not found, try pulling it first`)
	const messages = messagesOf(body), tokens = tokensOf(messages)
	if (tokens.length >= CONTEXT)
		return refuse(400, 'exceed_context_size_error',
			`${tokens.length} tokens are more than ${CONTEXT}`)
	const gone = new AbortController()
	response.on('close', () => gone.abort())
	response.writeHead(200, { 'Content-Type': wire.type })
	response.write(wire.begin(tokens.length))
	let out = 0
	const told = await completion.generateCompletionWithMeta(tokens, {
		grammar: await grammarFor(messages.at(-1).content),
		maxTokens: wire.most(body), temperature: body.temperature ?? 0.8,
		signal: gone.signal, stopOnAbortSignal: true, disableContextShift: true,
		customStopTriggers: ['<|im_end|>'], onToken: t => { out += t.length },
		onTextChunk: text => response.write(wire.piece(text)),
	})
	console.log(json({ event: gone.signal.aborted ? 'cancelled' : 'answered',
		tokens_in: tokens.length, tokens_out: out }))
	const reason = told.metadata.stopReason === 'maxTokens' ? 'length' : 'stop'
	response.end(wire.end(reason, tokens.length, out))
}

async function serve(request, response) {
	const parts = []
	for await (const part of request)
		parts.push(part)
	if (request.url === '/v1/models')
		return response.end(json({ object: 'list', data: [{ id: 'tinychat' }] }))
	if (request.url === '/api/tags')
		return response.end(json({ models: [{ name: 'tinychat:latest' }] }))
	const body = JSON.parse(Buffer.concat(parts))
	if (request.url === '/count')
		return response.end(json({ tokens: tokensOf(messagesOf(body)).length }))
	if (!(request.url in wires))
		return response.writeHead(404).end()
	last = last.then(() => answer(wires[request.url], body, response))
		.catch(error => {
			console.log(json({ event: 'failed', why: String(error) }))
			response.destroy()
		})
}

http.createServer(serve).listen(Number(port), '127.0.0.1',
	() => console.log(json({ event: 'ready' })))
