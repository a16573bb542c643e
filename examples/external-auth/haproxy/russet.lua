-- Asks Russet about each request, for HAProxy 2.6 or newer:
--   http-request lua.russet URL NAMES
-- URL is Russet's question, with an address in place of a name. NAMES are the headers that Russet's
-- answer sets for the application, with commas between, or `-` for none. An answer that is not 200
-- goes to the client as it is; no answer, or one too late, is 503: nobody gets in by waiting.

-- What of the client's request the decision reads.
local READ = {
    "accept", "access-control-request-method", "cookie", "host", "origin", "purpose",
    "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-purpose", "upgrade", "user-agent",
    "x-forwarded-for", "x-requested-with",
}

-- What of Russet's answer is for the client.
local TOLD = {
    "cache-control", "content-security-policy", "content-type", "location", "referrer-policy",
    "retry-after", "set-cookie", "x-content-type-options", "x-frame-options", "x-request-id",
}

local function ask(txn, url, names)
    local sent = txn.http:req_get_headers()
    local headers = {}
    for _, name in ipairs(READ) do
        if sent[name] then
            headers[name] = {}
            for index = 0, #sent[name] do
                table.insert(headers[name], sent[name][index])
            end
        end
    end
    headers["x-forwarded-method"] = { txn.sf:method() }
    headers["x-forwarded-proto"] = { "https" }
    headers["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
    headers["x-forwarded-uri"] = { txn.sf:pathq() }

    local asked, answer = pcall(function()
        return core.httpclient():get { url = url, headers = headers, timeout = 1000 }
    end)
    if asked and answer and answer.status == 200 then
        for name in string.gmatch(names, "[^,]+") do
            local value = answer.headers[string.lower(name)]
            txn.http:req_del_header(name)
            if value and value[0] and value[0] ~= "" then
                txn.http:req_set_header(name, value[0])
            end
        end
        return
    end
    local reply = txn:reply { status = 503 }
    -- Any other 2xx would be an answer that this question does not have.
    if asked and answer and answer.status and answer.status >= 300 then
        reply:set_status(answer.status)
        for _, name in ipairs(TOLD) do
            local values = answer.headers[name]
            if values then
                for index = 0, #values do
                    reply:add_header(name, values[index])
                end
            end
        end
        if txn.sf:method() ~= "HEAD" then
            reply:set_body(answer.body)
        end
    end
    txn:done(reply)
end

core.register_action("russet", { "http-req" }, ask, 2)
