local answer = ngx.location.capture('/allowed')
if answer.status ~= ngx.HTTP_OK then
    return ngx.exit(ngx.HTTP_FORBIDDEN)
end
ngx.req.set_header('caller', answer.body)
