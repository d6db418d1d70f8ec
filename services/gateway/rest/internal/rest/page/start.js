// Shows the description that this server gives of itself.
window.ui = SwaggerUIBundle({
  url: '/api-docs',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  // No outside service checks the description.
  validatorUrl: null,
});
